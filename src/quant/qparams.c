/* Scale and zero point out of a range.
 *
 * The arithmetic is that of ONNX Runtime's quantizer (compute_scale_zp of its
 * Python tools, 1.22 era), kept to the bit, because users compare. Rounding is
 * half to even everywhere.
 */
#include <quern/quant.h>

#include "base/numeric.h"
#include "quant/codes.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>

/* Codes by type: whole, symmetric, reduced (ONNX Runtime's table). */
struct code_row {
    enum quern_dtype dtype;
    int32_t whole[2], symmetric[2], reduced[2];
};

static const struct code_row code_rows[] = {
    {QUERN_UINT8, {0, 255}, {0, 254}, {0, 127}},
    {QUERN_INT8, {-128, 127}, {-127, 127}, {-64, 64}},
    {QUERN_UINT16, {0, 65535}, {0, 65534}, {0, 32767}},
    {QUERN_INT16, {-32768, 32767}, {-32767, 32767}, {-16384, 16384}},
    {QUERN_UINT4, {0, 15}, {0, 15}, {0, 7}},
    {QUERN_INT4, {-8, 7}, {-8, 7}, {-4, 3}},
};

/* Smallest normal number of float16. */
static const double half_min_normal = 6.103515625e-05;

static const struct code_row *find_row(enum quern_dtype dtype)
{
    for (size_t i = 0; i < sizeof code_rows / sizeof code_rows[0]; i++) {
        if (code_rows[i].dtype == dtype) {
            return &code_rows[i];
        }
    }
    return NULL;
}

bool qn_code_limits(enum quern_dtype dtype, int32_t *out_lo, int32_t *out_hi)
{
    const struct code_row *row = find_row(dtype);
    if (row == NULL) {
        return false;
    }
    *out_lo = row->whole[0];
    *out_hi = row->whole[1];
    return true;
}

bool quern_quant_codes(enum quern_dtype dtype, uint32_t flags,
                       int32_t *out_qmin, int32_t *out_qmax)
{
    const struct code_row *row = find_row(dtype);
    if (row == NULL) {
        return false;
    }
    const int32_t *codes = row->whole;
    if ((flags & QUERN_QUANT_REDUCED) != 0) {
        codes = row->reduced;
    } else if ((flags & QUERN_QUANT_SYMMETRIC) != 0) {
        codes = row->symmetric;
    }
    *out_qmin = codes[0];
    *out_qmax = codes[1];
    bool is_signed = row->whole[0] < 0;
    bool is_reduced = (flags & QUERN_QUANT_REDUCED) != 0;
    if ((flags & QUERN_QUANT_NARROW) != 0 && is_signed && !is_reduced) {
        *out_qmin = -codes[1];
    }
    return true;
}

/* The codes that the options ask for, checked. */
static bool choose_codes(const struct quern_quant_options *options,
                         int32_t *out_qmin, int32_t *out_qmax)
{
    const struct code_row *row = find_row(options->dtype);
    if (row == NULL) {
        return false;
    }
    if (options->qmin == 0 && options->qmax == 0) {
        return quern_quant_codes(options->dtype, options->flags, out_qmin,
                                 out_qmax);
    }
    *out_qmin = options->qmin;
    *out_qmax = options->qmax;
    return options->qmin < options->qmax && options->qmin >= row->whole[0] &&
           options->qmax <= row->whole[1];
}

/* x as a number of the scale's type. */
static float narrow(enum quern_dtype float_dtype, float x)
{
    return float_dtype == QUERN_FLOAT16
               ? qn_half_to_float(qn_half_from_float(x))
               : x;
}

/* The range that the codes shall cover, in arithmetic of the tensor's type:
 * it holds 0, has the least width asked for, and is mirrored if symmetric. */
static void settle_range(const struct quern_quant_options *options,
                         enum quern_dtype float_dtype, float *lo, float *hi)
{
    *lo = fminf(*lo, 0.0F);
    *hi = fmaxf(*hi, 0.0F);
    if (options->min_range > 0.0) {
        float least = narrow(float_dtype, (float)options->min_range);
        *hi = fmaxf(*hi, narrow(float_dtype, *lo + least));
    }
    if ((options->flags & QUERN_QUANT_SYMMETRIC) != 0) {
        float a = fmaxf(-*lo, *hi);
        *lo = -a;
        *hi = a;
    }
}

/* Steps 4 to 7: the step in double, the zero point with that double step, the
 * step narrowed last. */
static void scale_of(const struct quern_quant_options *options,
                     enum quern_dtype float_dtype, float lo, float width,
                     struct quern_qparams *out)
{
    double codes = (double)out->qmax - (double)out->qmin;
    double scale = (double)width / codes;
    double least =
        float_dtype == QUERN_FLOAT16 ? half_min_normal : (double)FLT_MIN;
    if (scale < least) {
        out->scale = 1.0F;
        out->zero_point = 0;
        return;
    }
    double zero;
    if ((options->flags & QUERN_QUANT_SYMMETRIC) != 0) {
        zero = nearbyint(((double)out->qmin + (double)out->qmax) / 2.0);
    } else {
        zero = nearbyint((double)out->qmin - (double)lo / scale);
    }
    zero = fmin(fmax(zero, (double)out->qmin), (double)out->qmax);
    out->zero_point = (int32_t)zero;
    out->scale = narrow(float_dtype, (float)scale);
}

enum quern_code
quern_qparams_of_range(struct quern_context *context,
                       const struct quern_quant_options *options, float lo,
                       float hi, struct quern_qparams *out_qparams)
{
    enum quern_dtype float_dtype = options->float_dtype == QUERN_UNDEFINED
                                       ? QUERN_FLOAT
                                       : options->float_dtype;
    struct quern_qparams made = {options->dtype, 1.0F, 0, 0, 0};
    if (!choose_codes(options, &made.qmin, &made.qmax)) {
        return quern_fail(context, QUERN_INVALID_ARGUMENT, NULL,
                          "codes %" PRId32 " to %" PRId32 " of type %s; need "
                          "int4, uint4, int8, uint8, int16 or uint16, and "
                          "rising codes inside it",
                          options->qmin, options->qmax,
                          quern_dtype_name(options->dtype));
    }
    if (float_dtype != QUERN_FLOAT && float_dtype != QUERN_FLOAT16) {
        return quern_fail(context, QUERN_INVALID_ARGUMENT, NULL,
                          "scale of type %s; need float or float16",
                          quern_dtype_name(float_dtype));
    }
    if (!isfinite(lo) || !isfinite(hi)) {
        return quern_fail(context, QUERN_NUMERIC, NULL,
                          "range %g to %g; a scale needs finite bounds",
                          (double)lo, (double)hi);
    }
    settle_range(options, float_dtype, &lo, &hi);
    float width = narrow(float_dtype, hi - lo);
    if (!isfinite(width)) {
        return quern_fail(context, QUERN_NUMERIC, NULL,
                          "range %g to %g is wider than the largest %s",
                          (double)lo, (double)hi,
                          quern_dtype_name(float_dtype));
    }
    scale_of(options, float_dtype, lo, width, &made);
    *out_qparams = made;
    return QUERN_OK;
}

void quern_qparams_range(const struct quern_qparams *qparams, float *out_lo,
                         float *out_hi)
{
    *out_lo = (float)(qparams->qmin - qparams->zero_point) * qparams->scale;
    *out_hi = (float)(qparams->qmax - qparams->zero_point) * qparams->scale;
}

/* A step near y's of which b is a whole multiple; y's own when none is within
 * 8 %. Three multiples are enough: the next ones are farther off. */
static double step_dividing(double step, double b)
{
    double whole = nearbyint(b / step);
    double best = step;
    double best_distance = 0.08 * step;
    for (double k = whole - 1.0; k <= whole + 1.0; k += 1.0) {
        double candidate = fabs(k) < 0.5 ? 0.0 : b / k;
        double distance = fabs(candidate - step);
        if (candidate > 0.0 && distance < best_distance) {
            best = candidate;
            best_distance = distance;
        }
    }
    return best;
}

bool quern_qparams_fold_affine(const struct quern_qparams *y, double a,
                               double b, struct quern_qparams *out_q,
                               struct quern_qparams *out_dq)
{
    int32_t lo_code, hi_code;
    if (!(a > 0.0) || !isfinite(a) || !isfinite(b) ||
        !qn_code_limits(y->dtype, &lo_code, &hi_code)) {
        return false;
    }
    struct quern_qparams dq = *y;
    double zero = (double)y->zero_point + b / (double)y->scale;
    if (fabs(zero - nearbyint(zero)) > 1e-3 && zero > (double)lo_code &&
        zero < (double)hi_code) {
        double step = step_dividing((double)y->scale, b);
        double lo = (double)(y->qmin - y->zero_point) * (double)y->scale;
        double moved = nearbyint((double)y->qmin - lo / step);
        moved = fmin(fmax(moved, (double)lo_code), (double)hi_code);
        dq.scale = (float)step;
        dq.zero_point = (int32_t)moved;
        zero = (double)dq.zero_point + b / (double)dq.scale;
    }
    double whole = nearbyint(zero);
    float scale = (float)((double)dq.scale / a);
    if (fabs(zero - whole) >= 0.02 || whole < (double)lo_code ||
        whole > (double)hi_code || !(scale >= FLT_MIN) || !isfinite(scale)) {
        return false;
    }
    *out_dq = dq;
    *out_q = dq;
    out_q->scale = scale;
    out_q->zero_point = (int32_t)whole;
    return true;
}
