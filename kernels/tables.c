/* Which tables this build has, and which of them this processor can run. */
#include "tables.h"

int bgi_scalar_is_supported(void) { return 1; }

#ifdef BGK_X86
/* __builtin_cpu_supports reports an AVX extension only if CPUID has it and the operating system saves its registers
 * (XGETBV). */
int bgi_avx2_is_supported(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

int bgi_avx512_is_supported(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && bgi_avx2_is_supported();
}
#endif

const bgk_table *const bgi_kernel_tables[] = {
#ifdef BGK_X86
    &bgi_avx512_table,
    &bgi_avx2_table,
#endif
    &bgi_scalar_table,
    0,
};
