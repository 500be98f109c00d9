/* Recurrent layers, norms, quantization, signals, losses. */
#include "infer/table.h"

#include <string.h>

void qn_infer_rnn(struct qn_infer_ctx *c)
{
    const char *direction = qn_infer_attr_string(c, "direction");
    bool both = direction != NULL && strcmp(direction, "bidirectional") == 0;
    bool batch_first = qn_infer_attr_int(c, "layout", 0) != 0;
    struct quern_number seq = QN_UNKNOWN;
    struct quern_number batch = QN_UNKNOWN;
    struct quern_number hidden = QN_UNKNOWN;
    struct quern_number dirs = qn_num(both ? 2 : 1);
    if (qn_infer_attr_int(c, "hidden_size", 0) > 0) {
        hidden = qn_num(qn_infer_attr_int(c, "hidden_size", 0));
    } else if (qn_infer_in_rank(c, 2) == 3) {
        hidden = qn_infer_in_dim(c, 2, 2);
    }
    if (qn_infer_in_rank(c, 0) == 3) {
        seq = qn_infer_in_dim(c, 0, batch_first ? 1 : 0);
        batch = qn_infer_in_dim(c, 0, batch_first ? 0 : 1);
    }
    if (qn_infer_out_rank(c, 0, 4)) {
        struct quern_number *d = qn_infer_out(c, 0)->dims;
        d[0] = batch_first ? batch : seq;
        d[1] = batch_first ? seq : dirs;
        d[2] = batch_first ? dirs : batch;
        d[3] = hidden;
    }
    for (size_t i = 1; i <= (size_t)c->param; i++) {
        if (qn_infer_out_rank(c, i, 3)) {
            struct quern_number *d = qn_infer_out(c, i)->dims;
            d[0] = batch_first ? batch : dirs;
            d[1] = batch_first ? dirs : batch;
            d[2] = hidden;
        }
    }
}

void qn_infer_batch_norm(struct qn_infer_ctx *c)
{
    qn_infer_out_like(c, 0, 0);
    for (size_t i = 1; i < c->n_out; i++) {
        if (qn_infer_in_rank(c, 0) >= 2 && qn_infer_out_rank(c, i, 1)) {
            qn_infer_out(c, i)->dims[0] = qn_infer_in_dim(c, 0, 1);
        }
    }
}

void qn_infer_layer_norm(struct qn_infer_ctx *c)
{
    int rank = qn_infer_in_rank(c, 0);
    qn_infer_unary(c);
    int axis = rank >= 0
                   ? qn_infer_axis(c, qn_infer_attr_int(c, "axis", -1), rank)
                   : -1;
    for (size_t i = 1; i < c->n_out && axis >= 0; i++) {
        qn_infer_out_like(c, i, 0);
        for (int k = axis; k < rank; k++) {
            qn_infer_out(c, i)->dims[k] = qn_num(1);
        }
    }
    for (size_t i = 1; i < c->n_out; i++) {
        enum quern_dtype stash =
            (enum quern_dtype)qn_infer_attr_int(c, "stash_type", QUERN_FLOAT);
        qn_infer_out(c, i)->kind = QUERN_KIND_TENSOR;
        qn_infer_out_dtype(c, i, stash == QUERN_BFLOAT16 ? stash : QUERN_FLOAT);
    }
}

void qn_infer_dynamic_quantize(struct qn_infer_ctx *c)
{
    qn_infer_out_like(c, 0, 0);
    qn_infer_out_rank(c, 1, 0);
    qn_infer_out_rank(c, 2, 0);
}

void qn_infer_quantize(struct qn_infer_ctx *c)
{
    int64_t dtype = qn_infer_attr_int(c, "output_dtype", 0);
    enum quern_dtype zero = qn_infer_in_dtype(c, 2);
    qn_infer_out_like(c, 0, 0);
    if (qn_infer_in_present(c, 2)) {
        qn_infer_out_dtype(c, 0, zero);
    } else {
        qn_infer_out_dtype(c, 0,
                           dtype > 0 && dtype <= QUERN_INT2
                               ? (enum quern_dtype)dtype
                               : QUERN_UINT8);
    }
}

void qn_infer_dequantize(struct qn_infer_ctx *c)
{
    int64_t dtype = qn_infer_attr_int(c, "output_dtype", 0);
    qn_infer_out_like(c, 0, 0);
    if (dtype > 0 && dtype <= QUERN_INT2) {
        qn_infer_out_dtype(c, 0, (enum quern_dtype)dtype);
    } else if (qn_infer_out(c, 0)->dtype == QUERN_UNDEFINED) {
        qn_infer_out_dtype(c, 0, qn_infer_in_dtype(c, 1));
    }
}

void qn_infer_loss(struct qn_infer_ctx *c)
{
    const char *reduction = qn_infer_attr_string(c, "reduction");
    if (reduction != NULL && strcmp(reduction, "none") == 0) {
        qn_infer_out_like(c, 0, 1);
    } else {
        qn_infer_out_rank(c, 0, 0);
    }
    if (c->param == 1) {
        qn_infer_out_like(c, 1, 0);
        qn_infer_out_dtype(c, 1, qn_infer_in_dtype(c, 0));
    }
}

/* ---------------------------------------------------------------- signals */

static struct quern_number single(struct qn_infer_ctx *c, size_t i)
{
    size_t n = 0;
    const struct quern_number *numbers = qn_infer_in_numbers(c, i, &n);
    return numbers != NULL && n == 1 ? numbers[0] : QN_UNKNOWN;
}

void qn_infer_window_function(struct qn_infer_ctx *c)
{
    int64_t dtype = qn_infer_attr_int(c, "output_datatype", QUERN_FLOAT);
    if (dtype > 0 && dtype <= QUERN_INT2) {
        qn_infer_out_dtype(c, 0, (enum quern_dtype)dtype);
    }
    if (qn_infer_out_rank(c, 0, 1)) {
        qn_infer_out(c, 0)->dims[0] = single(c, 0);
    }
}

void qn_infer_dft(struct qn_infer_ctx *c)
{
    int rank = qn_infer_in_rank(c, 0);
    bool one_sided = qn_infer_attr_int(c, "onesided", 0) != 0;
    bool inverse = qn_infer_attr_int(c, "inverse", 0) != 0;
    struct quern_number where = c->opset < 20
                                    ? qn_num(qn_infer_attr_int(c, "axis", 1))
                                : qn_infer_in_present(c, 2) ? single(c, 2)
                                                            : qn_num(-2);
    if (rank < 2 || !qn_infer_out_rank(c, 0, rank)) {
        return;
    }
    int axis =
        qn_num_is_plain(where) ? qn_infer_axis(c, where.value, rank) : -1;
    bool back = one_sided && inverse;
    if (axis < 0) {
        return;
    }
    struct quern_number *dims = qn_infer_out(c, 0)->dims;
    for (int i = 0; i < rank; i++) {
        dims[i] = qn_infer_in_dim(c, 0, i);
    }
    struct qn_algebra *x = &c->x;
    dims[rank - 1] = qn_num(back ? 1 : 2);
    if (axis < 0) {
        return; /* no axis changes its length */
    }
    struct quern_number n = qn_infer_in_dim(c, 0, axis);
    if (qn_infer_in_present(c, 1)) {
        n = single(c, 1);
    } else if (back) {
        n = qn_num_times(x, qn_num_minus(x, n, qn_num(1)), qn_num(2));
    }
    if (one_sided && !back) {
        n = qn_num_plus(x, qn_num_floor_div(x, n, qn_num(2)), qn_num(1));
    }
    dims[axis] = n;
}

void qn_infer_stft(struct qn_infer_ctx *c)
{
    struct qn_algebra *x = &c->x;
    if (!qn_infer_out_rank(c, 0, 4) || qn_infer_in_rank(c, 0) < 2) {
        return;
    }
    struct quern_number step = single(c, 1);
    struct quern_number frame = single(c, 3);
    if (!qn_infer_in_present(c, 3) && qn_infer_in_rank(c, 2) == 1) {
        frame = qn_infer_in_dim(c, 2, 0);
    }
    struct quern_number *dims = qn_infer_out(c, 0)->dims;
    struct quern_number room = qn_num_minus(x, qn_infer_in_dim(c, 0, 1), frame);
    dims[0] = qn_infer_in_dim(c, 0, 0);
    dims[1] = qn_num_plus(x, qn_num_floor_div(x, room, step), qn_num(1));
    dims[2] =
        qn_infer_attr_int(c, "onesided", 1) != 0
            ? qn_num_plus(x, qn_num_floor_div(x, frame, qn_num(2)), qn_num(1))
            : frame;
    dims[3] = qn_num(2);
}

void qn_infer_mel(struct qn_infer_ctx *c)
{
    struct qn_algebra *x = &c->x;
    int64_t dtype = qn_infer_attr_int(c, "output_datatype", QUERN_FLOAT);
    if (dtype > 0 && dtype <= QUERN_INT2) {
        qn_infer_out_dtype(c, 0, (enum quern_dtype)dtype);
    }
    if (qn_infer_out_rank(c, 0, 2)) {
        struct quern_number half = qn_num_floor_div(x, single(c, 1), qn_num(2));
        qn_infer_out(c, 0)->dims[0] = qn_num_plus(x, half, qn_num(1));
        qn_infer_out(c, 0)->dims[1] = single(c, 0);
    }
}

void qn_infer_multinomial(struct qn_infer_ctx *c)
{
    int64_t dtype = qn_infer_attr_int(c, "dtype", QUERN_INT32);
    if (dtype == QUERN_INT32 || dtype == QUERN_INT64) {
        qn_infer_out_dtype(c, 0, (enum quern_dtype)dtype);
    }
    if (qn_infer_out_rank(c, 0, 2)) {
        qn_infer_out(c, 0)->dims[1] =
            qn_num(qn_infer_attr_int(c, "sample_size", 1));
        if (qn_infer_in_rank(c, 0) == 2) {
            qn_infer_out(c, 0)->dims[0] = qn_infer_in_dim(c, 0, 0);
        }
    }
}

/* Words that are left: [C] or [1, C]. */
void qn_infer_string_normalizer(struct qn_infer_ctx *c)
{
    int rank = qn_infer_in_rank(c, 0);
    if ((rank == 1 || rank == 2) && qn_infer_out_rank(c, 0, rank) &&
        rank == 2) {
        qn_infer_out(c, 0)->dims[0] = qn_num(1);
    }
}

void qn_infer_tf_idf(struct qn_infer_ctx *c)
{
    size_t n = 0;
    int rank = qn_infer_in_rank(c, 0);
    const int64_t *places = qn_infer_attr_ints(c, "ngram_indexes", &n);
    int64_t most = -1;
    for (size_t i = 0; i < n; i++) {
        most = places[i] > most ? places[i] : most;
    }
    if ((rank == 1 || rank == 2) && most < INT32_MAX &&
        qn_infer_out_rank(c, 0, rank)) {
        if (rank == 2) {
            qn_infer_out(c, 0)->dims[0] = qn_infer_in_dim(c, 0, 0);
        }
        qn_infer_out(c, 0)->dims[rank - 1] = qn_num(most + 1);
    }
}

void qn_infer_image_decoder(struct qn_infer_ctx *c)
{
    const char *format = qn_infer_attr_string(c, "pixel_format");
    if (qn_infer_out_rank(c, 0, 3)) {
        bool grey = format != NULL && strcmp(format, "Grayscale") == 0;
        qn_infer_out(c, 0)->dims[2] = qn_num(grey ? 1 : 3);
    }
}

void qn_infer_causal_conv(struct qn_infer_ctx *c)
{
    qn_infer_out_like(c, 0, 0);
    if (qn_infer_in_rank(c, 0) == 3 && qn_infer_in_rank(c, 1) == 3 &&
        qn_infer_out_rank(c, 1, 3)) {
        struct quern_number *dims = qn_infer_out(c, 1)->dims;
        dims[0] = qn_infer_in_dim(c, 0, 0);
        dims[1] = qn_infer_in_dim(c, 0, 1);
        dims[2] = qn_num_minus(&c->x, qn_infer_in_dim(c, 1, 2), qn_num(1));
    }
}

void qn_infer_string_split(struct qn_infer_ctx *c)
{
    int rank = qn_infer_in_rank(c, 0);
    if (rank < 0) {
        return;
    }
    qn_infer_out_like(c, 1, 0);
    if (qn_infer_out_rank(c, 0, rank + 1)) {
        for (int i = 0; i < rank; i++) {
            qn_infer_out(c, 0)->dims[i] = qn_infer_in_dim(c, 0, i);
        }
    }
}
