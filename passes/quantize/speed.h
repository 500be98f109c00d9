/* Estimates of what integers save on the target. */
#ifndef QUERN_PASSES_QUANTIZE_SPEED_H
#define QUERN_PASSES_QUANTIZE_SPEED_H

#include <quern/pass.h>
#include <quern/target.h>

/** Seconds a sample that the integer kernel of a Conv, Gemm or MatMul that
 * reads codes saves, conversions left out; 0 for another node or where sizes
 * are not known. Figures of ONNX Runtime on x86-64; elsewhere good for
 * comparing layers. */
double qn_speed_of_layer(struct quern_model *model,
                         const struct quern_target *target,
                         const struct quern_node *node);

/** Seconds a sample that integers save in a graph, less what conversions cost.
 * @return false: there are no figures for the target */
bool qn_speed_of_graph(struct quern_model *model,
                       const struct quern_target *target,
                       const struct quern_graph *graph, double *out_seconds);

#endif
