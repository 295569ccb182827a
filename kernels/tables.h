/* The tables of the instruction sets, and what each table file needs to fill in its own. */
#ifndef BGK_TABLES_H
#define BGK_TABLES_H

#include "kernels.h"

extern const bgk_table bgi_scalar_table;
#ifdef BGK_X86
extern const bgk_table bgi_avx2_table, bgi_avx512_table;
#endif

/* These are compiled without any instruction set option, so that asking never runs an instruction that is missing. */
int bgi_scalar_is_supported(void);
int bgi_avx2_is_supported(void);
int bgi_avx512_is_supported(void);

#define BGK_MAP_f32(name)    .name = name##_f32,
#define BGK_MAP_f64(name)    .name = name##_f64,
#define BGK_REDUCE_f32(name) .name##_rows = name##_rows_f32, .name##_fold = name##_fold_f32,
#define BGK_REDUCE_f64(name) .name##_rows = name##_rows_f64, .name##_fold = name##_fold_f64,
#define BGK_TYPE_f32(name)   .load_##name = load_##name##_f32, .store_##name = store_##name##_f32,
#define BGK_TYPE_f64(name)   .load_##name = load_##name##_f64, .store_##name = store_##name##_f64,

#define BGK_TABLE(set)                                                                                                 \
    const bgk_table bgi_##set##_table = {                                                                              \
        .name = #set,                                                                                                  \
        .is_supported = bgi_##set##_is_supported,                                                                      \
        .fma_chains = fma_chains,                                                                                      \
        .philox = philox,                                                                                              \
        .f32 = { BGK_MAPS(BGK_MAP_f32) BGK_CHAINS(BGK_MAP_f32) BGK_REDUCES(BGK_REDUCE_f32) BGK_TYPES(BGK_TYPE_f32)     \
                     .transpose = transpose_f32,                                                                       \
                 .product = product_f32,                                                                               \
                 .product_subtracted = product_subtracted_f32,                                                         \
                 .substitute = substitute_f32,                                                                         \
                 .eliminate = eliminate_f32,                                                                           \
                 .product_gathered = product_gathered_f32,                                                             \
                 .wide_sum = wide_sum_f32,                                                                             \
                 .wide_spread = wide_spread_f32,                                                                       \
                 .standardize = standardize_f32,                                                                       \
                 .standardize_sums = standardize_sums_f32,                                                             \
                 .standardize_back = standardize_back_f32,                                                             \
                 .standardize_fold = standardize_fold_f32,                                                             \
                 .lstm = lstm_f32,                                                                                     \
                 .lstm_back = lstm_back_f32,                                                                           \
                 .weigh_back = weigh_back_f32,                                                                         \
                 .winograd_image = winograd_image_f32,                                                                 \
                 .winograd_spread = winograd_spread_f32,                                                               \
                 .winograd_result = winograd_result_f32,                                                               \
                 .winograd_factors = winograd_factors_f32,                                                             \
                 .winograd_weight = winograd_weight_f32,                                                               \
                 .window_max = window_max_f32,                                                                         \
                 .window_back = window_back_f32,                                                                       \
                 .lockstep_eigen = lockstep_eigen_f32,                                                                 \
                 .lockstep_svd = lockstep_svd_f32,                                                                     \
                 .descend = descend_f32,                                                                               \
                 .lockstep_cholesky = lockstep_cholesky_f32,                                                           \
                 .lockstep_solve = lockstep_solve_f32,                                                                 \
                 .lockstep_lu = lockstep_lu_f32 },                                                                     \
        .f64 = { BGK_MAPS(BGK_MAP_f64) BGK_CHAINS(BGK_MAP_f64) BGK_REDUCES(BGK_REDUCE_f64) BGK_TYPES(BGK_TYPE_f64)     \
                     .transpose = transpose_f64,                                                                       \
                 .product = product_f64,                                                                               \
                 .product_subtracted = product_subtracted_f64,                                                         \
                 .substitute = substitute_f64,                                                                         \
                 .eliminate = eliminate_f64,                                                                           \
                 .product_gathered = product_gathered_f64,                                                             \
                 .wide_sum = wide_sum_f64,                                                                             \
                 .wide_spread = wide_spread_f64,                                                                       \
                 .standardize = standardize_f64,                                                                       \
                 .standardize_sums = standardize_sums_f64,                                                             \
                 .standardize_back = standardize_back_f64,                                                             \
                 .standardize_fold = standardize_fold_f64,                                                             \
                 .lstm = lstm_f64,                                                                                     \
                 .lstm_back = lstm_back_f64,                                                                           \
                 .weigh_back = weigh_back_f64,                                                                         \
                 .window_max = window_max_f64,                                                                         \
                 .window_back = window_back_f64,                                                                       \
                 .lockstep_eigen = lockstep_eigen_f64,                                                                 \
                 .lockstep_svd = lockstep_svd_f64,                                                                     \
                 .descend = descend_f64,                                                                               \
                 .lockstep_cholesky = lockstep_cholesky_f64,                                                           \
                 .lockstep_solve = lockstep_solve_f64,                                                                 \
                 .lockstep_lu = lockstep_lu_f64 },                                                                     \
    }

#endif
