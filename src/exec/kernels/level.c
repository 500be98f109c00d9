/* The choice of a CPU level at run time. */
#include "exec/kernels/level.h"

const struct qn_kernels *qn_kernels_best(void)
{
#ifdef QN_LEVELS
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") &&
        __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512cd")) {
        return &qn_kernels_v4;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
        __builtin_cpu_supports("bmi2")) {
        return &qn_kernels_v3;
    }
    if (__builtin_cpu_supports("sse4.2")) {
        return &qn_kernels_v2;
    }
#endif
    return &qn_kernels_base;
}
