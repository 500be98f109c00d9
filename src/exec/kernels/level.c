/* The choice of a CPU level at run time. */
#include "exec/kernels/level.h"

#ifdef QN_LEVELS
static bool has_v4(void)
{
    return __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512cd");
}
#endif

const struct qn_kernels *qn_kernels_best(const char *level)
{
    int most = 4;
    if (level != NULL) {
        bool known = level[0] == 'v' && level[1] >= '1' && level[1] <= '4' &&
                     level[2] == '\0';
        if (!known) {
            return NULL;
        }
        most = level[1] - '0';
    }
#ifdef QN_LEVELS
    __builtin_cpu_init();
    if (most >= 4 && has_v4()) {
        return &qn_kernels_v4;
    }
    if (most >= 3 && __builtin_cpu_supports("avx2") &&
        __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")) {
        return &qn_kernels_v3;
    }
    if (most >= 2 && __builtin_cpu_supports("sse4.2")) {
        return &qn_kernels_v2;
    }
#endif
    return &qn_kernels_base;
}
