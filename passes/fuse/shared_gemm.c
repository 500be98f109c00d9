/* fuse-shared-gemm: MatMul + Add of tensors with three axes or more become Gemm
 * of all rows where that leaves fewer nodes. A Reshape makes the rows; what
 * works element by element between two layers takes rows as well; behind the
 * last ones a Reshape gives the axes back, unless a Reshape stands there that
 * does not read them (queries, keys and values split into heads) or something
 * that merge-shapes takes it into. So each layer saves a node, each way in or
 * out may cost one: two layers of one tensor with heads behind them, three in a
 * row, one between two Reshapes. Real-exact. */
#include "builtin.h"
#include "common.h"
#include "fuse/linear.h"
#include "kinds.h"

enum { MOST_USES = 64, MOST_STEPS = 64, MOST_DEPTH = 32, NEVER = -1000 };

/** What takes rows: the MatMul of a layer, Add(MatMul(x, w), b), or a node that
 * works element by element. */
struct step {
    struct quern_node *node;
    struct quern_node *add; /* NULL: no layer */
    struct quern_value *w, *b;
    size_t from;              /* step that makes what it reads; ROOT: none */
    int gain;                 /* nodes saved by it and by what follows it */
    bool leaves;              /* something reads its result with all axes */
    struct quern_value *rows; /* its result, once made */
};

enum { ROOT = MOST_STEPS };

/** Steps, each behind the one that it reads from. */
struct plan {
    struct step steps[MOST_STEPS];
    size_t n;
};

/* A Reshape to sizes that do not depend on the axes of what it reads. */
static bool is_reshape(const struct quern_node *node)
{
    int64_t to[QUERN_MAX_RANK];
    int n = quern_node_is(node, "Reshape") && quern_node_n_inputs(node) == 2
                ? qn_int_values(quern_node_input(node, 1), QUERN_MAX_RANK, to)
                : 0;
    for (int i = 0; i < n; i++) {
        if (to[i] == 0) {
            return false;
        }
    }
    return n > 0;
}

/* A node that only says how the axes are counted. */
static bool is_view(const struct quern_node *node)
{
    static const char *const ops[] = {"Reshape", "Unsqueeze", "Squeeze", NULL};
    return qn_is_one_of(node, ops);
}

static bool read_layer(struct quern_node *product, const struct quern_value *x,
                       struct step *out)
{
    const struct quern_value *m = quern_node_output(product, 0);
    struct quern_node *add = quern_value_only_user(m);
    if (!quern_node_is(product, "MatMul") ||
        quern_node_input(product, 0) != x || add == NULL ||
        !quern_node_is(add, "Add") ||
        quern_node_graph(add) != quern_node_graph(product)) {
        return false;
    }
    size_t other = quern_node_input(add, 0) == m ? 1 : 0;
    *out = (struct step){.node = product,
                         .add = add,
                         .w = quern_node_input(product, 1),
                         .b = quern_node_input(add, other)};
    return qn_is_gemm(out->w, out->b);
}

/* Runtimes fuse a Gelu with the Add in front of it, which a Gemm takes in. */
static bool read_step(struct quern_node *node, const struct quern_value *x,
                      struct step *out)
{
    *out = (struct step){.node = node};
    return read_layer(node, x, out) ||
           (qn_is_elementwise(node) && !quern_node_is(node, "Gelu") &&
            quern_node_input(node, 0) == x);
}

static struct quern_value *result(const struct step *step)
{
    return quern_node_output(step->add != NULL ? step->add : step->node, 0);
}

/* The sizes of a value as a Reshape takes them: at most one is not known. */
static bool read_sizes(const struct quern_value *v, int64_t *out)
{
    const struct quern_dim *dims = quern_value_dims(v);
    int open = 0;
    for (int i = 0; i < quern_value_rank(v); i++) {
        out[i] = dims[i].value;
        open += dims[i].value < 0 ? 1 : 0;
        if (dims[i].value == 0) {
            return false;
        }
    }
    return dims != NULL && open <= 1;
}

/* What it costs to give the axes back. */
static int cost_of_leaving(const struct quern_value *v)
{
    int64_t sizes[QUERN_MAX_RANK];
    const struct quern_node *node = quern_value_only_user(v);
    if (!read_sizes(v, sizes)) {
        return NEVER;
    }
    return node != NULL && is_view(node) && quern_node_input(node, 0) == v ? 0
                                                                           : -1;
}

static int follow(struct plan *plan, size_t i, int depth);

/* Let a reader of v, which step `from` makes, take rows.
 * @return the nodes that this saves; below 0: it must not */
static int take(struct plan *plan, struct quern_node *node,
                const struct quern_value *v, size_t from, int depth)
{
    size_t i = plan->n;
    if (i == MOST_STEPS || depth == MOST_DEPTH ||
        !read_step(node, v, &plan->steps[i])) {
        return NEVER;
    }
    struct step *step = &plan->steps[i];
    plan->n++;
    step->from = from;
    step->gain = follow(plan, i, depth + 1) + (step->add != NULL ? 1 : 0);
    if (step->gain < 0) {
        plan->n = i;
        return NEVER;
    }
    return step->gain;
}

/* What reads the result of step i. */
static int follow(struct plan *plan, size_t i, int depth)
{
    struct quern_value *v = result(&plan->steps[i]);
    const struct quern_graph *graph = quern_node_graph(plan->steps[i].node);
    bool leaves = quern_value_n_uses(v) > MOST_USES;
    int gain = 0;
    for (const struct quern_use *u = quern_value_first_use(v);
         u != NULL && quern_value_n_uses(v) <= MOST_USES;
         u = quern_use_next(u)) {
        struct quern_node *node = quern_use_node(u);
        int more = NEVER;
        if (node != NULL && quern_use_index(u) == 0 &&
            quern_node_graph(node) == graph) {
            more = is_reshape(node) ? 0 : take(plan, node, v, i, depth);
        }
        leaves = leaves || more < 0;
        gain += more > 0 ? more : 0;
    }
    plan->steps[i].leaves = leaves;
    return leaves ? gain + cost_of_leaving(v) : gain;
}

/* Leave out what saves nothing where all axes are at hand as well. */
static void prune(struct plan *plan)
{
    size_t at[MOST_STEPS + 1] = {[ROOT] = ROOT};
    size_t n = 0;
    for (size_t i = 0; i < plan->n; i++) {
        struct step step = plan->steps[i];
        size_t from = step.from == ROOT ? ROOT : at[step.from];
        bool kept = from == ROOT ? step.from == ROOT : true;
        bool axes = from == ROOT || plan->steps[from].leaves;
        at[i] = ROOT;
        if (kept && (step.gain > 0 || !axes)) {
            step.from = from;
            at[i] = n;
            plan->steps[n++] = step;
        }
    }
    plan->n = n;
}

/* Layers that read x and what follows them. */
static bool make_plan(struct plan *plan, const struct quern_node *first,
                      const struct quern_value *x)
{
    const struct quern_node *maker = quern_value_producer(x);
    bool stays = maker == NULL || !is_view(maker);
    int gain = 0;
    plan->n = 0;
    if (quern_value_n_uses(x) > MOST_USES) {
        return false;
    }
    for (const struct quern_use *u = quern_value_first_use(x); u != NULL;
         u = quern_use_next(u)) {
        struct quern_node *node = quern_use_node(u);
        int more = NEVER;
        if (node != NULL && quern_use_index(u) == 0 &&
            quern_node_is(node, "MatMul") &&
            quern_node_graph(node) == quern_node_graph(first)) {
            more = take(plan, node, x, ROOT, 0);
        }
        stays = stays || more <= 0;
        gain += more > 0 ? more : 0;
    }
    prune(plan);
    return gain > (stays ? 1 : 0);
}

/* x as rows, behind what makes it. */
static enum quern_code put_rows(struct quern_pass_ctx *ctx,
                                struct quern_graph *graph,
                                struct quern_value *x, int64_t n_in,
                                struct quern_value **out)
{
    const struct quern_node *maker = quern_value_producer(x);
    struct quern_node *before =
        maker != NULL && quern_node_graph(maker) == graph
            ? quern_node_next(maker)
            : quern_graph_first(graph);
    struct quern_value *in[2] = {x, NULL};
    struct quern_node *made = NULL;
    char name[512];
    quern_name_extend(name, sizeof name, quern_value_name(x), "_rows");
    enum quern_code code =
        qn_new_ints(ctx, graph, name, (const int64_t[2]){-1, n_in}, 2, &in[1]);
    if (code == QUERN_OK) {
        code = quern_value_create(graph, name, out);
    }
    return code == QUERN_OK ? quern_node_create(graph, before, "Reshape", name,
                                                in, 2, out, 1, &made)
                            : code;
}

/* The Gemm stands where the Add stood, behind what makes the bias. */
static enum quern_code become_gemm(struct quern_pass_ctx *ctx,
                                   struct step *step, struct quern_value *rows)
{
    struct quern_value *in[3] = {rows, step->w, step->b};
    struct quern_value *y = quern_node_output(step->add, 0);
    struct quern_node *product = step->node;
    quern_pass_account(ctx, product, "Gemm of all rows with '%s'",
                       quern_node_name(step->add));
    enum quern_code code = quern_node_set_output(step->add, 0, NULL);
    if (code == QUERN_OK) {
        code = quern_node_create(quern_node_graph(product), step->add, "Gemm",
                                 quern_node_name(product), in, 3, &y, 1,
                                 &step->node);
    }
    return code == QUERN_OK ? quern_node_erase_dead(step->add) : code;
}

/* The result is read as rows alone: a new value, of other axes. */
static enum quern_code renew(struct step *step)
{
    struct quern_value *old = quern_node_output(step->node, 0);
    enum quern_code code = quern_value_create(
        quern_node_graph(step->node), quern_value_name(old), &step->rows);
    if (code == QUERN_OK) {
        code = quern_node_set_output(step->node, 0, step->rows);
    }
    for (const struct quern_use *u = quern_value_first_use(old);
         u != NULL && code == QUERN_OK; u = quern_value_first_use(old)) {
        code = quern_node_set_input(quern_use_node(u), quern_use_index(u),
                                    step->rows);
    }
    return code == QUERN_OK ? quern_value_erase(old) : code;
}

/* The result gets its axes back. */
static enum quern_code give_back(struct quern_pass_ctx *ctx, struct step *step)
{
    const struct quern_value *y = quern_node_output(step->node, 0);
    struct quern_value *in[2] = {NULL, NULL};
    struct quern_node *made = NULL;
    int64_t sizes[QUERN_MAX_RANK];
    char name[512];
    quern_name_extend(name, sizeof name, quern_value_name(y), "_sizes");
    enum quern_code code =
        read_sizes(y, sizes)
            ? qn_new_ints(ctx, quern_node_graph(step->node), name, sizes,
                          quern_value_rank(y), &in[1])
            : QUERN_INTERNAL;
    if (code == QUERN_OK) {
        code = qn_insert_behind(step->node, "Reshape", "_rows", in, 2, &made);
    }
    step->rows = in[0];
    return code;
}

static enum quern_code apply(struct quern_pass_ctx *ctx, struct plan *plan,
                             struct quern_value *rows)
{
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < plan->n && code == QUERN_OK; i++) {
        struct step *step = &plan->steps[i];
        struct quern_value *in =
            step->from == ROOT ? rows : plan->steps[step->from].rows;
        code = step->add != NULL ? become_gemm(ctx, step, in)
                                 : quern_node_set_input(step->node, 0, in);
        if (code == QUERN_OK) {
            code = step->leaves ? give_back(ctx, step) : renew(step);
        }
    }
    return code;
}

static enum quern_code visit(struct quern_pass_ctx *ctx,
                             struct quern_node *node, void *user)
{
    struct plan plan;
    struct step first;
    struct quern_value *x = quern_node_input(node, 0);
    struct quern_value *rows = NULL;
    (void)user;
    if (x == NULL || quern_value_rank(x) < 3 || !read_layer(node, x, &first) ||
        !make_plan(&plan, node, x)) {
        return QUERN_OK;
    }
    int64_t n_in = quern_tensor_dims(quern_value_constant(first.w))[0];
    enum quern_code code =
        n_in > 0 ? put_rows(ctx, quern_node_graph(node), x, n_in, &rows)
                 : QUERN_OK;
    return code == QUERN_OK && rows != NULL ? apply(ctx, &plan, rows) : code;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    static const char *const ops[] = {"MatMul", NULL};
    struct quern_each each = {.ops = ops, .with_constant = true};
    (void)params;
    return quern_model_opset(quern_pass_model(ctx), "") < 7 ||
                   qn_target_lacks(ctx, "Gemm")
               ? QUERN_OK
               : quern_pass_each(ctx, graph, &each, visit, NULL);
}

const struct quern_pass_desc qn_pass_fuse_shared_gemm = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "fuse-shared-gemm",
    .summary =
        "Gemm of all rows from MatMul and Add of three axes or more, where "
        "that leaves fewer nodes: of one tensor, in a row, between "
        "Reshapes",
    .flags = QUERN_PASS_NEEDS_SHAPES,
    .contract = QUERN_REAL_EXACT,
    .run = run,
    .group = "fuse",
};
