/* How wide the vectors of a level are, and how many fit its registers. */
#ifndef QUERN_EXEC_KERNELS_VEC_H
#define QUERN_EXEC_KERNELS_VEC_H

/* A tile of TILE_ROWS rows and two vectors stays in registers. */
#if defined(__AVX512F__)
enum { WIDTH = 16, TILE_ROWS = 12 };
#elif defined(__AVX2__)
enum { WIDTH = 8, TILE_ROWS = 6 };
#else
enum { WIDTH = 4, TILE_ROWS = 4 };
#endif

typedef float vec
    __attribute__((vector_size(WIDTH * 4), aligned(4), may_alias));

#endif
