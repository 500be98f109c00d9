/* Marks for hot loops. */
#ifndef QUERN_QUANT_KERNEL_H
#define QUERN_QUANT_KERNEL_H

#include <limits.h> /* tells of __GLIBC__ */

#define QN_INLINE static inline __attribute__((always_inline))

/* Built twice, for the base instruction set and for AVX2, and chosen when the
 * program is loaded. AVX2 brings no fused multiply-add, and the loops are
 * lane-wise, so both give the same bits. Not under sanitizers, which start too
 * late for functions that are chosen by the loader. */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__OPTIMIZE__) &&      \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) &&         \
    defined(__GNUC__) && !defined(__clang__)
#define QN_BY_CPU __attribute__((target_clones("avx2", "default")))
#else
#define QN_BY_CPU
#endif

#endif
