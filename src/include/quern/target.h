/** @file target.h
 * Target profiles: what a runtime takes and what it runs in integers, as data.
 * Tier: experimental.
 *
 * A profile is a YAML file: those in src/target/profiles are part of the
 * library, a user's own is read by the same reader. It becomes a
 * `struct quern_target`, which is never changed; passes, `lint` and the command
 * read its fields and ask the questions below. src/target/README.md is the
 * manual of the file format and says how to add a target.
 */
#ifndef QUERN_TARGET_H
#define QUERN_TARGET_H

#ifndef QUERN_EXPERIMENTAL
#error                                                                         \
    "define QUERN_EXPERIMENTAL to use <quern/target.h>, which may still change"
#endif

#include <quern/pass.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The target of pipelines that name none. */
#define QUERN_TARGET_DEFAULT "ort-cpu-x64"

/** Element types and parameters of activations, or of weights. */
struct quern_target_numbers {
    const enum quern_dtype *types; /**< that the target takes; the first one is
                                        what is written */
    size_t n_types;
    bool symmetric;   /**< zero point 0 */
    bool narrow;      /**< signed types without their lowest code */
    bool per_channel; /**< one scale a channel may be written; else one a
                           tensor */
};

/** Form of the bias of Conv and Gemm. */
enum quern_target_bias {
    QUERN_BIAS_INT32 = 0, /**< int32 codes at scale x * w, zero point 0 */
    QUERN_BIAS_FLOAT = 1, /**< stays float */
};

/** Whether two neighbouring products of an activation and a weight, added in 16
 * bits, may leave 16 bits (x86 without VNNI: VPMADDUBSW). */
enum quern_target_overflow {
    QUERN_OVERFLOW_ANY = 0,      /**< the target adds in 32 bits */
    QUERN_OVERFLOW_OBSERVED = 1, /**< not with values seen in calibration */
    QUERN_OVERFLOW_NEVER = 2,    /**< with no value at all */
};

/** How an operator takes part in integer arithmetic. */
enum quern_target_kind {
    QUERN_INTEGER_NEVER = 0, /**< float only; `why` says why */
    QUERN_INTEGER_START = 1, /**< an integer kernel worth quantizing inputs for:
                               Conv, Gemm, MatMul */
    QUERN_INTEGER_FOLLOW = 2, /**< an integer kernel where all activations that
                                it reads are codes already; parameters of its
                                own behind it */
    QUERN_INTEGER_MOVE = 3,   /**< moves codes, or picks some: the parameters of
                                its first input go on behind it */
    QUERN_INTEGER_JOIN = 4, /**< joins codes: all activations that it reads and
                              its output share one scale where they are codes
                              (Concat) */
    QUERN_INTEGER_AROUND = 5, /**< integer only between codes: Q/DQ in front
                                when there is one behind (pooling) */
    QUERN_INTEGER_SKIP = 6,   /**< residual Add: codes on the branch that is not
                                fused with the weighted operator in front */
    QUERN_INTEGER_TABLE = 7,  /**< a constant table is stored as codes, with the
                                DequantizeLinear behind the operator (Gather) */
    QUERN_INTEGER_LINK = 8,   /**< an integer kernel that pays between codes
                                alone: all activations that it reads are codes
                                already and an integer kernel reads what it
                                makes (Sigmoid, Mul, Concat) */
};

/** What an input of an operator carries. */
enum quern_target_role {
    QUERN_ROLE_NONE = 0, /**< stays as it is: indices, shapes, axes */
    QUERN_ROLE_ACTIVATION = 1,
    QUERN_ROLE_WEIGHT = 2,
    QUERN_ROLE_BIAS = 3,
};

/** Whether a QuantizeLinear stands right behind an operator in integers. */
enum quern_target_output {
    QUERN_OUTPUT_FREE = 0,     /**< only where its readers want codes */
    QUERN_OUTPUT_REQUIRED = 1, /**< the integer kernel needs it */
    QUERN_OUTPUT_NEVER = 2,    /**< only in front of readers; an operator in
                                    between (an activation) is fused */
};

/** Most input ports that a profile tells apart; the last one told stands for
 * all behind it. */
#define QUERN_TARGET_PORTS 8

/** What a profile says of one operator of domain ai.onnx. */
struct quern_target_op {
    const char *op;
    enum quern_target_kind kind;
    enum quern_target_output output;
    unsigned char roles[QUERN_TARGET_PORTS]; /**< enum quern_target_role */
    size_t n_roles;
    int axis;                /**< of output channels in the weights; what a
                                  writer puts into `axis` */
    int axis_transposed;     /**< the same with transB; as `axis` where the
                                  operator has none */
    bool per_channel;        /**< weights: one scale a channel may be written */
    bool products;           /**< two activations can be multiplied */
    int64_t rows;            /**< products of two activations with fewer rows
                                  stay in float */
    int64_t least_channels;  /**< with fewer input channels (of a group) or
                                  output channels it stays in float; 0: no
                                  bound */
    int64_t least_positions; /**< with fewer rows of activations (Gemm, MatMul:
                                  vectors) it stays in float; 0: no bound */
    const char *why;         /**< reason for float, for messages; or NULL */
    int64_t least_pairs;     /**< Conv of one group with a kernel of 25
                                  positions or more: with fewer pairs of an
                                  input and an output channel (these counted
                                  in blocks of 16) it stays in float; 0: no
                                  bound */
};

/** Bytes of a pattern of `chains` (see struct quern_target), its end included.
 */
enum { QUERN_TARGET_CHAIN_ROOM = 1024 };

/** A profile. Borrowed strings and lists live as long as it. */
struct quern_target {
    const char *name;
    const char *summary;   /**< one line */
    const char *runtime;   /**< program, version, hardware; or NULL */
    int64_t opset_minimum; /**< lowest and highest opset that may be written */
    int64_t opset_maximum;
    struct quern_target_numbers activations;
    struct quern_target_numbers weights;
    enum quern_target_bias bias;
    enum quern_target_overflow overflow;
    bool shared_pair;   /**< one Q and DQ a tensor, read by all; else a pair
                             for each reader */
    bool clamps;        /**< the zero point of a Q behind Relu or Clip(0, …)
                             does the Relu: such a Q stands behind it */
    bool moves_pairs;   /**< the runtime moves Q and DQ through data movement
                             by itself, where scales are equal */
    bool output_codes;  /**< graph outputs may come from a DequantizeLinear */
    bool static_shapes; /**< dimensions must be known */
    struct quern_strings fusions; /**< chains that run as one kernel, no Q or DQ
                                       inside: "Conv+Relu", "Conv+Sigmoid+Mul";
                                       an operator name each */
    struct quern_strings keep;    /**< composed operators that the target has
                                       kernels for: "HardSwish", "Gelu", … */
    struct quern_strings tricks; /**< forms that pay on it: "integer-hardswish",
                                      "affine-scales", … */
    struct quern_strings notes;  /**< for people */
    const struct quern_target_op *ops;
    size_t n_ops;
    struct quern_strings chains; /**< patterns (see <quern/match.h>) of what is
                                      spelled out that the target makes one
                                      kernel of, or runs faster so: no pass
                                      takes a node out of one; each shorter
                                      than QUERN_TARGET_CHAIN_ROOM bytes */
    struct quern_strings lacks;  /**< operators of ONNX's that the target does
                                      not have: "MeanVarianceNormalization";
                                      the pass decompose takes them apart, and
                                      no pass composes them */
    struct quern_strings until;  /**< operators that the target has up to an
                                      opset and not beyond: "RoiAlign@21" */
    bool speed_figures; /**< what estimate-speed was measured on holds there */
};

/** Open a profile: the name of one that is part of the library, or the path of
 * a file (a name with a '/' in it, or one that ends in .yaml or .yml).
 * @param out_target  written on success only; the caller owns it
 * @return QUERN_OK; _NOT_FOUND (unknown name; the nearest one is told);
 * _INVALID_ARGUMENT (file, line, column); _IO; _NO_MEMORY */
QUERN_NODISCARD QUERN_API enum quern_code
quern_target_open(struct quern_context *context, const char *name,
                  const struct quern_target **out_target);

/** Are the patterns in the `chains` of a profile right? quern_apply() asks this
 * of a profile that is a file; whoever only reads one, asks.
 * @return QUERN_OK; _INVALID_ARGUMENT (file, line, column); _NO_MEMORY */
QUERN_NODISCARD QUERN_API enum quern_code
quern_target_check(struct quern_context *context,
                   const struct quern_target *target);

/** Free and clear; NULL and *target NULL are fine. */
QUERN_API void quern_target_close(const struct quern_target **target);

/** Names of the profiles in the library, in order; NULL beyond the end. */
QUERN_API const char *quern_target_name_at(size_t i);

/** What a target says of an operator of domain ai.onnx; NULL: nothing, which
 * means float. Thread-safe, like all below. */
QUERN_API const struct quern_target_op *
quern_target_operator(const struct quern_target *target, const char *op);

/** The same for a node, which may be of any domain. */
QUERN_API const struct quern_target_op *
quern_target_node(const struct quern_target *target,
                  const struct quern_node *node);

/** What input i carries. NONE when `op` is NULL. */
QUERN_API enum quern_target_role
quern_target_port(const struct quern_target_op *op, size_t i);

/** Axis of output channels in the weights of a node of that operator. */
QUERN_API int quern_target_axis(const struct quern_target_op *op,
                                const struct quern_node *node);

/** True when `next`, reading `op`'s output alone, is one kernel with it: the
 * profile has a fusion that begins with the two. */
QUERN_API bool quern_target_fuses(const struct quern_target *target,
                                  const char *op, const char *next);

/** True when a list of the profile (`keep`, `tricks`, …) holds a word. */
QUERN_API bool quern_target_has(const struct quern_strings *list,
                                const char *word);

/** The highest opset at which the target has an operator of domain ai.onnx, as
 * far as the profile says: INT64_MAX where it says nothing. Since 0.1. */
QUERN_API int64_t quern_target_until(const struct quern_target *target,
                                     const char *op);

/** True when activations (or weights) may have that type. */
QUERN_API bool quern_target_takes(const struct quern_target_numbers *numbers,
                                  enum quern_dtype dtype);

/** Words of the enums above as profiles write them: "start", "required", …
 * Never NULL. */
QUERN_API const char *quern_target_kind_name(enum quern_target_kind kind);
QUERN_API const char *quern_target_role_name(enum quern_target_role role);
QUERN_API const char *quern_target_output_name(enum quern_target_output output);
QUERN_API const char *quern_target_bias_name(enum quern_target_bias bias);
QUERN_API const char *
quern_target_overflow_name(enum quern_target_overflow overflow);

/** The target of the running pipeline; never NULL: QUERN_TARGET_DEFAULT when
 * none was named. */
QUERN_API const struct quern_target *
quern_pass_target(const struct quern_pass_ctx *ctx);

#ifdef __cplusplus
}
#endif

#endif
