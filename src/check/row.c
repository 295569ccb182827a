/* Numbers of several tensors in a row, and the random numbers of a check. */
#include "check/check.h"

#include "base/random.h"

bg_status bgi_row_write(const bgi_row *row, const double *numbers)
{
    bg_status status = BG_OK;
    for (size_t i = 0; i < row->n && !status; i++)
        status = bg_tensor_copy_from(row->tensors[i], numbers + row->start[i],
                                     (size_t)(row->start[i + 1] - row->start[i]) * sizeof *numbers);
    return status;
}

bg_status bgi_row_read(const bgi_row *row, double *numbers)
{
    bg_status status = BG_OK;
    for (size_t i = 0; i < row->n && !status; i++)
        status = bg_tensor_copy_to(row->tensors[i], numbers + row->start[i],
                                   (size_t)(row->start[i + 1] - row->start[i]) * sizeof *numbers);
    return status;
}

/* Outputs of a program, as a row of these extents. */
bg_status bgi_row_read_outputs(const bgi_row *extents, const bg_program *program, size_t first, double *numbers)
{
    bg_status status = BG_OK;
    for (size_t i = 0; i < extents->n && !status; i++)
        status = bg_tensor_copy_to(bg_program_output(program, first + i), numbers + extents->start[i],
                                   (size_t)(extents->start[i + 1] - extents->start[i]) * sizeof *numbers);
    return status;
}

double bgi_check_draw(bgi_check *k, int stream)
{
    return bgi_random_uniform(k->options.seed, (uint64_t)stream, k->draws++);
}
