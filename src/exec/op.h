/* An operator while a graph runs: what kernels get and may ask.
 *
 * A kernel is one function that checks its inputs, computes the shape of its
 * outputs, asks for room and fills it. What does not change between runs
 * (attributes, packed weights) is kept in op->state, made by `prepare`.
 */
#ifndef QUERN_EXEC_OP_H
#define QUERN_EXEC_OP_H

#include <quern/run.h>

#include "exec/accelerator.h"
#include "exec/array.h"
#include "exec/kernels/level.h"
#include "exec/slabs.h"
#include "ir/ir.h"

struct qn_run;
struct qn_op;
struct qn_program;

typedef enum quern_code (*qn_op_fn)(struct qn_run *run, const struct qn_op *op);
typedef enum quern_code (*qn_prepare_fn)(struct quern_engine *engine,
                                         struct qn_op *op);

/** A row of the registry: an operator from an opset version on. */
struct qn_op_row {
    const char *op; /* with its domain unless that is ai.onnx */
    int since;      /* first opset that this row serves */
    qn_op_fn run;
    qn_prepare_fn prepare; /* may be NULL */
    int variant;           /* for families: which member */
};

/** One node of a program. Slots number the values of the engine. */
struct qn_op {
    const struct quern_node *node;
    const struct qn_op_row *row;
    const char *kernel; /* for profiles */
    int opset;
    int n_in;
    int n_out;
    int *in;  /* -1: left out */
    int *out; /* -1: nobody wants it */
    int n_drop;
    int *drop;   /* slots whose last use this is */
    void *state; /* in the engine's arena */
    void (*release)(struct quern_engine *engine,
                    void *state); /* of what lies outside the arena */
    int widens;                   /* qn_widens() of the node */
    enum quern_dtype narrow;      /* of constants that were widened for it, so
                                     of its outputs; 0: none was */
    bool frozen;                  /* results depend on input shapes alone */
    int number;                   /* among all operators of the engine */
    uint64_t dies;                /* bit i: input i is dropped here, and
                                     stands at no other input */
    int n_posts; /* what is done to output 0 behind the operator proper */
    struct qn_post *posts;
    struct qn_program **bodies;
    int *tap; /* per output: number of the tap, or -1; NULL: none */
};

struct qn_program {
    int n_ops;
    struct qn_op *ops;
    int n_in; /* inputs of a body */
    int *in;
    int n_out;
    int *out;
};

struct quern_engine {
    struct quern_model *model;
    struct quern_context *context;
    struct qn_arena arena;
    const struct qn_kernels *kernels;
    const struct qn_accelerator *accelerator; /* NULL: plain */
    void *accelerator_state;
    const struct qn_accelerator *own; /* asked before it; NULL: not at all */
    struct qn_slabs slabs;            /* for packed weights of convolutions */
    bool fuse;
    bool profile;
    struct qn_run *folder;     /* runs operators of constants; or NULL */
    bool has_sequences;        /* some operator is one of sequences */
    bool pruned;               /* only what some values need is run */
    int n_ops;                 /* operators of all programs */
    void (*one_thread)(int n); /* told 1 in each thread that runs; or NULL */
    char description[96];
    const char *library; /* path of ONNX Runtime; NULL: embedded */
    int n_slots;
    int n_constants;
    int *constant_slots; /* those of constants */
    int *stays;          /* by slot: made by an operator of shapes alone */
    int *slot_of;        /* by value id; -1: none */
    size_t n_values;
    struct qn_array *constants; /* by slot; set: constant */
    struct qn_chunk **folded;   /* by slot: bytes of constants that the folder
                                   made */
    struct quern_tensor **held; /* aligned copies of constants, by slot */
    struct qn_program *main;
    size_t n_inputs;
    struct quern_value **inputs;
    int *input_slots;
    size_t n_outputs;
    const struct quern_value **outputs; /* elements may be NULL */
    int *output_slots;
    struct quern_tensor **output_strings; /* the model's; NULL: in the slot */
    size_t n_taps;
    bool taps_write;
    int *tap_of;                      /* by slot; -1 */
    const struct qn_backend *backend; /* NULL: embedded */
    void *backend_state;
};

/** State of one run in one thread. */
struct qn_run {
    struct quern_engine *engine;
    struct quern_context *context;
    struct qn_chunks chunks;
    struct qn_array *slots;
    quern_tap_fn tap;
    void *tap_user;
    const struct qn_kernels *kernels;
    struct quern_node_time *times; /* by op number in the program */
    uint64_t n_poll;
    const char *kernel;     /* of the operator that runs, for profiles */
    int at;                 /* number of the operator that runs */
    struct qn_taken *taken; /* by op number: chunks of the run before */
    bool warm;              /* input shapes are those of the run before */
    bool done;              /* the run before came to its end */
    bool fresh;             /* new chunks only: what is made will stay */
    size_t n_key;
    int64_t *key; /* ranks and dims of the inputs of the run before */
    struct quern_tensor **given; /* outputs of the run before, retained */
    struct qn_cache **caches;    /* by op number: what operators keep */
};

/** The chunks that an operator took in the run before, in order: it takes the
 * same again, so that a second run allocates nothing. */
struct qn_taken {
    int n;
    int room;
    int next;
    struct qn_chunk **chunks;
};

/** What an operator keeps between runs in one runner: the head of a struct of
 * its own. */
struct qn_cache {
    void (*release)(struct quern_engine *engine, struct qn_cache *cache);
};

/** The cache of an operator, made with `size` zeroed bytes if it has none.
 * NULL: no memory (reported). */
struct qn_cache *qn_cache_get(struct qn_run *run, const struct qn_op *op,
                              size_t size,
                              void (*release)(struct quern_engine *engine,
                                              struct qn_cache *cache));
void qn_caches_finish(struct qn_run *run);

/** Input i, or NULL when left out. Any strides. */
const struct qn_array *qn_in(const struct qn_run *run, const struct qn_op *op,
                             int i);

/** Input i in row-major order, copied if need be (the copy takes its place in
 * the slot, so it is made once). NULL: no memory (reported). */
const struct qn_array *qn_in_packed(struct qn_run *run, const struct qn_op *op,
                                    int i);

/** Input i without gaps and overlaps, in whatever order of strides it has;
 * copied if need be. NULL: left out, or no memory (reported). */
const struct qn_array *qn_in_dense(struct qn_run *run, const struct qn_op *op,
                                   int i);

/** Input i with its channels (axis 1) last in memory: [N, C, H, W] lying as
 * NHWC without gaps; copied if need be. NULL: no memory (reported). */
const struct qn_array *qn_in_channels_last(struct qn_run *run,
                                           const struct qn_op *op, int i);

/** Bytes of input i may be overwritten by the operator: it is dropped here and
 * nobody else holds them. */
bool qn_in_is_free(const struct qn_run *run, const struct qn_op *op, int i);

/** Room for output i, row-major. *out_array is NULL when nobody wants it. */
enum quern_code qn_out(struct qn_run *run, const struct qn_op *op, int i,
                       enum quern_dtype dtype, int rank, const int64_t *dims,
                       struct qn_array **out_array)
    __attribute__((warn_unused_result));

/** Room for output i with dims and stride order of a dense array. */
enum quern_code qn_out_like(struct qn_run *run, const struct qn_op *op, int i,
                            enum quern_dtype dtype, const struct qn_array *like,
                            struct qn_array **out_array)
    __attribute__((warn_unused_result));

/** Room for output i, channels last (rank 2 and more). */
enum quern_code qn_out_channels_last(struct qn_run *run, const struct qn_op *op,
                                     int i, enum quern_dtype dtype, int rank,
                                     const int64_t *dims,
                                     struct qn_array **out_array)
    __attribute__((warn_unused_result));

/** Output 0 in the bytes of input i if they are free, else room like it. */
enum quern_code qn_out_over(struct qn_run *run, const struct qn_op *op, int i,
                            struct qn_array **out_array)
    __attribute__((warn_unused_result));

/** Output i as a view of an array: shares its bytes; dims, strides and data of
 * the view are given, its length is computed. */
enum quern_code qn_out_view(struct qn_run *run, const struct qn_op *op, int i,
                            const struct qn_array *of,
                            const struct qn_array *view)
    __attribute__((warn_unused_result));

/** Room for `size` bytes during the call; give it back with qn_chunk_put().
 * NULL: no memory (reported). */
struct qn_chunk *qn_scratch(struct qn_run *run, size_t size);

/** Error at a node.
 * @return code; or that of the error that is reported already: it is why this
 *         one arose (an input could not be packed for want of memory) */
enum quern_code qn_op_fail(struct qn_run *run, const struct qn_op *op,
                           enum quern_code code, const char *format, ...)
    __attribute__((warn_unused_result, format(printf, 4, 5)));

/** The error of an operator whose inputs or attributes do not serve. */
enum quern_code qn_op_missing(struct qn_run *run, const struct qn_op *op)
    __attribute__((warn_unused_result));

/** Element i of an integer array (row-major index of a packed one). */
int64_t qn_array_int(const struct qn_array *array, int64_t i);

/** Ints of an integer input (axes, shapes, pads).
 * @param out  room for QUERN_MAX_RANK * 2 numbers
 * @return number of them, or -1: too many, no integers (reported) */
int qn_in_ints(struct qn_run *run, const struct qn_op *op, int i, int64_t *out);

/** Ints of an attribute, or (from some opset on) of input `input`.
 * @param out  room for 2 * QUERN_MAX_RANK
 * @return count; -1: malformed (reported); -2: neither is there */
int qn_ints(struct qn_run *run, const struct qn_op *op, const char *attribute,
            int input, int64_t *out);

/** The whole state of a program's values up to here: runs its operators. */
enum quern_code qn_run_program(struct qn_run *run, const struct qn_program *p)
    __attribute__((warn_unused_result));

void qn_slot_drop(struct qn_run *run, int slot);

/** Axis in [-rank, rank) made positive, or -1 (reported). */
int qn_axis(struct qn_run *run, const struct qn_op *op, int64_t axis, int rank);

/** Index in [-dim, dim) made positive, or -1 (reported). */
int64_t qn_index(struct qn_run *run, const struct qn_op *op, int64_t index,
                 int64_t dim);

/** Row of an operator at an opset, or NULL. */
const struct qn_op_row *qn_registry_find(const struct quern_node *node,
                                         int opset);

/** Element types as classes that kernels dispatch on. */
bool qn_is_index_type(enum quern_dtype dtype);

#endif
