/** @file quant.h
 * The numbers of quantization: arrays in, arrays out, no graph.
 * Tier: experimental.
 *
 * Read in this order: qparams.h (scale, zero point; arrays quantized and back),
 * stats.h (statistics of a tensor, ranges out of them), weights.h (and second
 * moments), noise.h (factors of channels), measure.h (error).
 *
 * An array with channels is described by three numbers wherever one is asked
 * for: element (o, c, i) of [outer, channels, inner] lies at
 * data[(o * channels + c) * inner + i]. Conv weights [M, C, kH, kW] by output
 * channel: (1, M, C*kH*kW); MatMul [K, N] by column: (K, N, 1); activations
 * [N, C, H, W] of one sample: (1, C, H*W); the same lying as NHWC:
 * (H*W, C, 1).
 *
 * All results are the same bits for any number of threads, any order and any
 * sharding of the samples. Functions on different objects are thread-safe;
 * one object belongs to one thread at a time. The context is never NULL, is
 * used to report errors only, and may be a different one in each call.
 */
#ifndef QUERN_QUANT_H
#define QUERN_QUANT_H

#ifndef QUERN_EXPERIMENTAL
#error                                                                         \
    "define QUERN_EXPERIMENTAL to use <quern/quant.h>, which may still change"
#endif

#include <quern/measure.h>
#include <quern/noise.h>
#include <quern/qparams.h>
#include <quern/stats.h>
#include <quern/weights.h>

#endif
