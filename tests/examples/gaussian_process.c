/* Gaussian process regression on the diabetes table (Efron et al., Least angle regression, 2004): the marginal
 * likelihood of 342 patients is maximised through a Cholesky factor, by L-BFGS, over one length for each of ten
 * measurements, an amplitude and a noise level; then 100 others are predicted, with how sure that is.
 *     gaussian_process FOLDER      where diabetes.csv is
 * Rasmussen and Williams, Gaussian processes for machine learning, 2006, chapters 2 and 5. */
#include <blasgrad/blasgrad.h>
#include <math.h>
#include <stdio.h>

enum { PATIENTS = 342, OTHERS = 100, MEASURED = 10 };

/* What scikit-learn 1.9.1 reaches on these rows: GaussianProcessRegressor(ConstantKernel() * RBF([1] * 10) +
 * WhiteKernel(), alpha=0), and the R² of its LinearRegression on the others. */
static const double SKLEARN_NLL = 377.897458, LSTSQ_R2 = 0.555237;

/* σ² exp(-½ Σ ((a - b) / length)²) of the rows of a and b, [rows of a, rows of b] */
static bg_node *kernel(bg_node *a, bg_node *b, bg_node *log_lengths, bg_node *log_amplitude)
{
    bg_node *rates = bg_exp(bg_neg(log_lengths)), *p = bg_mul(a, rates), *q = bg_mul(b, rates);
    bg_node *squares =
        bg_add(bg_reshape(bg_sum(bg_square(p), BG_AXES(1)), BG_SHAPE(-1, 1)), bg_sum(bg_square(q), BG_AXES(1)));
    bg_node *distances = bg_sub(squares, bg_mul_scalar(bg_matmul(p, bg_transpose(q, 0, 1)), 2));
    return bg_exp(bg_sub(bg_mul_scalar(log_amplitude, 2), bg_mul_scalar(distances, 0.5)));
}

/* Reads the table and scales both columns by the patients: x, y of these, then of the others. */
static bg_status read_table(bg_tensor *columns[4], bg_engine *engine, const char *folder)
{
    char path[1000];
    bg_dataset *all = NULL, *part = NULL, *scaled = NULL;
    snprintf(path, sizeof path, "%s/diabetes.csv", folder);
    bg_status status = bg_data_read_csv(&all, engine, path, &(bg_data_options){ .dtype = BG_F64 });
    if (!status)
        status = bg_dataset_slice(&part, all, 0, PATIENTS);
    for (int column = 0; column < 2 && !status; column++) {
        bg_tensor *shift = NULL, *scale = NULL, *whole;
        status = bg_dataset_scaling(&shift, &scale, part, column, BG_SCALING_STANDARD);
        if (!status)
            status = bg_dataset_scale(&scaled, all, column, shift, scale);
        whole = bg_dataset_column(scaled, column);
        if (!status)
            status = bg_tensor_slice(&columns[column], whole, 0, 0, PATIENTS, 1);
        if (!status)
            status = bg_tensor_slice(&columns[2 + column], whole, 0, PATIENTS, PATIENTS + OTHERS, 1);
        bg_dataset_destroy(scaled);
        bg_tensor_destroy(shift);
        bg_tensor_destroy(scale);
        scaled = NULL;
    }
    bg_dataset_destroy(part);
    bg_dataset_destroy(all);
    return status;
}

static int fail(void) { return fprintf(stderr, "%s\n", bg_last_error()), 1; }

int main(int argc, char **argv)
{
    bg_engine *engine;
    bg_graph *graph;
    bg_model *model;
    bg_lbfgs *lbfgs;
    bg_program *program;
    bg_tensor *columns[4] = { NULL };
    if (bg_engine_create(&engine, NULL) || bg_graph_create(&graph, engine) || bg_model_create(&model, engine, BG_F64) ||
        read_table(columns, engine, argc > 1 ? argv[1] : "."))
        return fail();

    bg_node *x = bg_constant(graph, columns[0]), *y = bg_constant(graph, columns[1]);
    const bg_init zeros = { .kind = BG_INIT_ZEROS };
    bg_node *lengths = bg_model_parameter(model, graph, "log_lengths", BG_SHAPE(MEASURED), zeros);
    bg_node *amplitude = bg_model_parameter(model, graph, "log_amplitude", BG_SCALAR, zeros);
    bg_node *noise = bg_model_parameter(model, graph, "log_noise", BG_SCALAR, zeros);

    /* With k = l lᵀ and w = l⁻¹ y:   -log p(y) = ½ wᵀ w + Σ log l_ii + n/2 log 2π */
    bg_node *noises = bg_mul(bg_eye(graph, BG_F64, PATIENTS, PATIENTS), bg_exp(bg_mul_scalar(noise, 2)));
    bg_node *l = bg_cholesky(bg_add(kernel(x, x, lengths, amplitude), noises), BG_LOWER);
    bg_node *w = bg_solve_triangular(l, y, &(bg_triangular_options){ .triangle = BG_LOWER });
    bg_node *nll = bg_add(bg_mul_scalar(bg_sum(bg_square(w), BG_ALL_AXES), 0.5),
                          bg_sum(bg_log(bg_diagonal(l, 0, 0, 1)), BG_ALL_AXES));
    nll = bg_add_scalar(nll, 0.5 * PATIENTS * log(2 * acos(-1)));

    /* Of others, with v = l⁻¹ k(x, others):   mean vᵀ w, variance σ² + noise - Σ v² */
    bg_node *others = bg_constant(graph, columns[2]);
    bg_node *v =
        bg_solve_triangular(l, kernel(x, others, lengths, amplitude), &(bg_triangular_options){ .triangle = BG_LOWER });
    bg_node *prior = bg_add(bg_exp(bg_mul_scalar(amplitude, 2)), bg_exp(bg_mul_scalar(noise, 2)));
    bg_node *mean = bg_matmul(bg_transpose(v, 0, 1), w), *variance = bg_sub(prior, bg_sum(bg_square(v), BG_AXES(0)));

    double before, after, m, s2, target, errors = 0, spread = 0, within = 0;
    if (bg_lbfgs_create(&lbfgs, model, nll, &(bg_lbfgs_options){ .max_iterations = 200, .max_evaluations = 400 }) ||
        bg_lbfgs_step(lbfgs, &before) || bg_compile(&program, graph, (bg_node *[]){ nll, mean, variance }, 3, NULL) ||
        bg_program_run(program))
        return fail();
    bg_tensor_item(bg_program_output(program, 0), 0, &after);
    for (int i = 0; i < OTHERS; i++) {
        bg_tensor_item(bg_program_output(program, 1), i, &m);
        bg_tensor_item(bg_program_output(program, 2), i, &s2);
        bg_tensor_item(columns[3], i, &target);
        errors += (target - m) * (target - m);
        within += fabs(target - m) < 1.96 * sqrt(s2);
        for (int j = 0; j < OTHERS; j++) {
            double other;
            bg_tensor_item(columns[3], j, &other);
            spread += (target - other) * (target - other) / (2 * OTHERS);
        }
    }
    double r2 = 1 - errors / spread;
    printf("-log p(y) %.6f -> %.6f in %lld evaluations (scikit-learn %.6f)\n", before, after,
           (long long)bg_lbfgs_evaluations(lbfgs), SKLEARN_NLL);
    printf("of %d others: R² %.4f (least squares %.4f), %.0f within their 95 %%\n", OTHERS, r2, LSTSQ_R2, within);

    bg_program_destroy(program), bg_lbfgs_destroy(lbfgs), bg_model_destroy(model), bg_graph_destroy(graph);
    for (int i = 0; i < 4; i++)
        bg_tensor_destroy(columns[i]);
    bg_engine_destroy(engine);
    return !(after <= SKLEARN_NLL + 1e-4 && r2 >= LSTSQ_R2 && within >= 90);
}
