/* Batches with one bad matrix. */
#include "bad.h"
#include "setting.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    const char *name;
    const char *part;    /* of the message */
    bool in_forward;     /* whether the value alone is refused too */
    bad_variant variant; /* REGULAR: an element that is not finite */
} kind;

static bool names_matrix(bg_status status, int64_t i, int64_t batch, const char *part)
{
    char place[64];
    snprintf(place, sizeof place, "matrix [%lld] of [%lld]", (long long)i, (long long)batch);
    if (status == BG_ERR_NUMERIC && strstr(bg_last_error(), place) && strstr(bg_last_error(), part))
        return true;
    bad_report("%s \"%s\", expected a message with \"%s\" and \"%s\"", bg_status_name(status),
               status == BG_OK ? "" : bg_last_error(), place, part);
    return false;
}

static void spoil(bad_setting *s, const bad_row *row, int64_t n, int64_t i, bad_variant variant)
{
    for (int k = 0; k < s->n_inputs; k++) {
        bool is_matrix = k == 0 || row->forms[k] == DIAGONAL || (row->forms[k] == BESIDE && row->forms[0] == BESIDE);
        int64_t count = bg_shape_count(bad_shape(row->forms[k], n));
        double *operand = s->operands[k] + i * count;
        bad_fill(operand, row->forms[k], is_matrix ? variant : REGULAR, n, k, 1);
        if (k == 0 && variant == REGULAR)
            operand[row->reads == READS_LOWER_UNIT ? n * (n - 1) : 0] = NAN;
    }
}
static void mend(bad_setting *s, const bad_row *row, int64_t n, int64_t i)
{
    for (int k = 0; k < s->n_inputs; k++)
        bad_fill(s->operands[k] + i * bg_shape_count(bad_shape(row->forms[k], n)), row->forms[k], REGULAR, n, k, 1);
}

bool bad_check_batch(const bad_row *row, bg_dtype dtype, int64_t n, int64_t batch, int threads)
{
    bad_setting s;
    if (!setting_create(&s, row, dtype, n, batch, threads))
        return false;
    const kind kinds[] = {
        { "nan", row->passes_on ? NULL : "nan", true, REGULAR },
        { "zero", row->at[ZERO].refused, true, ZERO },
        { "zero", row->gradient_at[ZERO].refused, false, ZERO },
        { "rank deficient", row->at[DEFICIENT].or_right ? NULL : row->at[DEFICIENT].refused, true, DEFICIENT },
        { "rank deficient", row->gradient_at[DEFICIENT].or_right ? NULL : row->gradient_at[DEFICIENT].refused, false,
          DEFICIENT },
    };
    const int64_t places[] = { 0, batch * 537 / 1000, batch - 1 };
    bool is_right = true;
    for (size_t q = 0; q < sizeof kinds / sizeof *kinds; q++)
        for (size_t p = 0; p < sizeof places / sizeof *places && kinds[q].part; p++)
            for (int with_gradient = kinds[q].in_forward ? 0 : 1; with_gradient < (row->has_no_gradient ? 1 : 2);
                 with_gradient++) {
                if (strchr(kinds[q].part, '#') || (n == 1 && kinds[q].variant != REGULAR))
                    continue;
                bad_doing("%s in matrix %lld of %lld%s, %d threads", kinds[q].name, (long long)places[p],
                          (long long)batch, with_gradient ? ", gradient" : "", threads);
                spoil(&s, row, n, places[p], kinds[q].variant);
                double before = setting_state(&s);
                bg_status status = setting_run(&s, with_gradient);
                is_right &= names_matrix(status, places[p], batch, kinds[q].part);
                if (setting_state(&s) != before) {
                    bad_report("the parameter was updated");
                    is_right = false;
                }
                mend(&s, row, n, places[p]);
            }
    bad_doing("the batch without bad matrices, %d threads", threads);
    bg_status status = setting_run(&s, true);
    if (status != BG_OK) {
        bad_report("%s", bg_last_error());
        is_right = false;
    }
    setting_destroy(&s);
    return is_right;
}
