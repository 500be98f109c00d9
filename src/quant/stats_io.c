/* Statistics as bytes.
 *
 * "QNST", version, then numbers as little-endian base-128 varints except floats
 * (4 bytes) and limbs of exact sums (8 bytes, only those of which all sums
 * have need would save little: they are stored whole). Version 2 has the second
 * ends of the samples, version 3 has none because their samples have none that
 * could be told (they differ in the number of channels). Version 1 has none
 * because it is older than they are, and is what statistics are written as that
 * came from such, so that it can still be told. The bytes follow from what was
 * seen, not from how it came: equal statistics give equal bytes.
 */
#include "base/alloc.h"
#include "base/diag.h"
#include "quant/stats.h"

#include <math.h>
#include <string.h>

static const char magic[4] = {'Q', 'N', 'S', 'T'};
enum { older = 1, with_seconds = 2, without_seconds = 3, n_limbs = 10 };

/* ---------------------------------------------------------------- writing */

/* Counts on when the room is used up. */
struct sink {
    uint8_t *bytes;
    size_t room, used;
};

static void put_byte(struct sink *sink, unsigned byte)
{
    if (sink->used < sink->room) {
        sink->bytes[sink->used] = (uint8_t)byte;
    }
    sink->used++;
}

static void put_fixed(struct sink *sink, uint64_t value, int n_bytes)
{
    for (int i = 0; i < n_bytes; i++) {
        put_byte(sink, (unsigned)(value >> (8 * i)) & 0xFFU);
    }
}

static void put_varint(struct sink *sink, uint64_t value)
{
    while (value > 127) {
        put_byte(sink, ((unsigned)value & 127U) | 128U);
        value >>= 7;
    }
    put_byte(sink, (unsigned)value);
}

static void put_float(struct sink *sink, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_fixed(sink, bits, 4);
}

static void put_sum(struct sink *sink, const struct qn_exact_sum *sum)
{
    for (int i = 0; i < n_limbs; i++) {
        put_fixed(sink, sum->limbs[i], 8);
    }
    put_varint(sink, sum->n_nonfinite);
}

static void put_hist(struct sink *sink, const struct qn_hist *hist)
{
    put_float(sink, hist->min);
    put_float(sink, hist->max);
    put_varint(sink, qn_hist_zeros(hist));
    int32_t last = qn_hist_last(hist);
    for (int32_t b = qn_hist_first(hist); b <= last; b++) {
        put_varint(sink, qn_hist_at(hist, b));
    }
}

static void put_part(struct sink *sink, const struct quern_stats *stats,
                     const struct qn_part *part)
{
    put_varint(sink, part->n);
    if (part->n == 0) {
        return;
    }
    for (size_t c = 0; c < stats->channels; c++) {
        put_varint(sink, part->count[c]);
        put_float(sink, part->min[c]);
        put_float(sink, part->max[c]);
        if (!stats->hides_seconds) {
            put_float(sink, part->second_min[c]);
            put_float(sink, part->second_max[c]);
        }
        if (part->sum != NULL) {
            put_sum(sink, &part->sum[c]);
            put_sum(sink, &part->square[c]);
        }
    }
    if (part->hist.tables != NULL) {
        put_hist(sink, &part->hist);
    }
}

static uint64_t version_of(const struct quern_stats *stats)
{
    if (stats->is_old) {
        return older;
    }
    return stats->hides_seconds ? without_seconds : with_seconds;
}

size_t quern_stats_write(const struct quern_stats *stats, void *bytes,
                         size_t size)
{
    struct sink sink = {bytes, bytes == NULL ? 0 : size, 0};
    for (size_t i = 0; i < sizeof magic; i++) {
        put_byte(&sink, (unsigned char)magic[i]);
    }
    put_varint(&sink, version_of(stats));
    put_varint(&sink, stats->flags);
    put_varint(&sink, stats->channels);
    put_varint(&sink, stats->n_values);
    put_varint(&sink, stats->n_nan);
    put_varint(&sink, stats->n_pos_inf);
    put_varint(&sink, stats->n_neg_inf);
    put_varint(&sink, stats->nan_sample);
    put_varint(&sink, stats->nan_index);
    put_varint(&sink, stats->inf_sample);
    put_varint(&sink, stats->inf_index);
    put_part(&sink, stats, &stats->body);
    put_part(&sink, stats, &stats->far);
    for (size_t j = 0; stats->pair_max != NULL && j < stats->channels / 2;
         j++) {
        put_float(&sink, stats->pair_max[j]);
    }
    return sink.used;
}

/* ---------------------------------------------------------------- reading */

/* After the first wrong byte everything reads as 0. */
struct source {
    const uint8_t *bytes;
    size_t size, used;
    bool is_wrong;
    uint64_t version;
};

static uint64_t get_fixed(struct source *source, size_t n_bytes)
{
    uint64_t value = 0;
    if (source->is_wrong || source->size - source->used < n_bytes) {
        source->is_wrong = true;
        return 0;
    }
    for (size_t i = 0; i < n_bytes; i++) {
        value |= (uint64_t)source->bytes[source->used++] << (8 * i);
    }
    return value;
}

static uint64_t get_varint(struct source *source)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint64_t byte = get_fixed(source, 1);
        if (shift == 63 && byte > 1) {
            break;
        }
        value |= (byte & 127) << shift;
        if (byte < 128) {
            return value;
        }
    }
    source->is_wrong = true;
    return 0;
}

static float get_float(struct source *source)
{
    uint32_t bits = (uint32_t)get_fixed(source, 4);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void get_sum(struct source *source, struct qn_exact_sum *sum)
{
    for (int i = 0; i < n_limbs; i++) {
        sum->limbs[i] = get_fixed(source, 8);
    }
    sum->n_nonfinite = get_varint(source);
}

/* Range that values of a part can have; an empty channel has inf, -inf. */
static bool range_is_good(float min, float max, uint64_t count)
{
    if (count == 0) {
        return isinf(min) && isinf(max) && min > 0.0F && max < 0.0F;
    }
    return isfinite(min) && isfinite(max) && min <= max;
}

static bool get_hist(struct source *source, struct qn_part *part)
{
    struct qn_hist *hist = &part->hist;
    float min = get_float(source);
    float max = get_float(source);
    if (source->is_wrong || !isfinite(min) || !isfinite(max) || min > 0.0F ||
        max < 0.0F) {
        return false;
    }
    qn_hist_widen(hist, min, max);
    uint64_t total = get_varint(source);
    if (total > part->n) {
        return false;
    }
    qn_hist_bump_zeros(hist, total);
    int32_t last = qn_hist_last(hist);
    for (int32_t b = qn_hist_first(hist); b <= last; b++) {
        uint64_t count = get_varint(source);
        if (source->is_wrong || count > part->n - total) {
            return false;
        }
        total += count;
        qn_hist_bump(hist, b, count);
    }
    return total == part->n;
}

/* Second ends lie inside of the first ones, or there was one sample. */
static bool get_seconds(struct source *source, struct qn_part *part, size_t c)
{
    if (source->version != with_seconds) {
        return true;
    }
    float lo = get_float(source);
    float hi = get_float(source);
    part->second_min[c] = lo;
    part->second_max[c] = hi;
    bool none = isinf(lo) && isinf(hi) && lo > 0.0F && hi < 0.0F;
    return none || (isfinite(lo) && isfinite(hi) && lo >= part->min[c] &&
                    hi <= part->max[c]);
}

static bool get_channels(struct source *source, size_t channels,
                         struct qn_part *part)
{
    uint64_t total = 0;
    for (size_t c = 0; c < channels; c++) {
        part->count[c] = get_varint(source);
        part->min[c] = get_float(source);
        part->max[c] = get_float(source);
        bool good = get_seconds(source, part, c);
        if (source->is_wrong || !good || part->count[c] > part->n - total ||
            !range_is_good(part->min[c], part->max[c], part->count[c])) {
            return false;
        }
        total += part->count[c];
        if (part->sum != NULL) {
            get_sum(source, &part->sum[c]);
            get_sum(source, &part->square[c]);
        }
    }
    return total == part->n;
}

/* Fill an empty part. */
static enum quern_code get_part(struct source *source,
                                const struct quern_stats *stats, uint64_t n,
                                struct qn_part *part)
{
    part->n = n;
    if (!qn_part_reserve(part, n)) {
        return QUERN_NO_MEMORY;
    }
    if (!get_channels(source, stats->channels, part) ||
        (part->hist.tables != NULL && !get_hist(source, part))) {
        return QUERN_MALFORMED;
    }
    return source->is_wrong ? QUERN_MALFORMED : QUERN_OK;
}

static enum quern_code get_parts(struct source *source,
                                 struct quern_stats *stats)
{
    uint64_t n = get_varint(source);
    enum quern_code code = QUERN_OK;
    if (n > 0) {
        code = get_part(source, stats, n, &stats->body);
    }
    if (code != QUERN_OK) {
        return code;
    }
    n = get_varint(source);
    if (source->is_wrong) {
        return QUERN_MALFORMED;
    }
    if (n > 0 && !qn_part_init(&stats->far, stats->flags, stats->channels)) {
        return QUERN_NO_MEMORY;
    }
    return n > 0 ? get_part(source, stats, n, &stats->far) : QUERN_OK;
}

static bool get_pairs(struct source *source, struct quern_stats *stats)
{
    for (size_t j = 0; stats->pair_max != NULL && j < stats->channels / 2;
         j++) {
        stats->pair_max[j] = get_float(source);
        if (!isfinite(stats->pair_max[j]) || stats->pair_max[j] < 0.0F) {
            return false;
        }
    }
    return true;
}

/* Counts that must agree; additions cannot overflow what a file can hold. */
static bool counts_agree(const struct quern_stats *stats)
{
    uint64_t parts[] = {stats->n_nan, stats->n_pos_inf, stats->n_neg_inf,
                        stats->body.n, stats->far.n};
    uint64_t left = stats->n_values;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (parts[i] > left) {
            return false;
        }
        left -= parts[i];
    }
    return left == 0;
}

static void get_head(struct source *source, struct quern_stats *stats)
{
    stats->n_values = get_varint(source);
    stats->hides_seconds =
        source->version != with_seconds && stats->n_values > 0;
    stats->is_old = source->version == older && stats->n_values > 0;
    stats->n_nan = get_varint(source);
    stats->n_pos_inf = get_varint(source);
    stats->n_neg_inf = get_varint(source);
    stats->nan_sample = get_varint(source);
    stats->nan_index = get_varint(source);
    stats->inf_sample = get_varint(source);
    stats->inf_index = get_varint(source);
}

static enum quern_code malformed(struct quern_context *context,
                                 const struct source *source)
{
    struct quern_place place = QUERN_PLACE_NONE;
    place.offset = (int64_t)source->used;
    return quern_fail(context, QUERN_MALFORMED, &place,
                      "statistics of a tensor: %zu bytes that do not fit "
                      "together",
                      source->size);
}

enum quern_code quern_stats_read(struct quern_context *context,
                                 const void *bytes, size_t size,
                                 struct quern_stats **out_stats)
{
    struct source source = {bytes, size, 0, false, 0};
    struct quern_stats *stats = NULL;
    if (size < sizeof magic || memcmp(bytes, magic, sizeof magic) != 0) {
        return malformed(context, &source);
    }
    source.used = sizeof magic;
    source.version = get_varint(&source);
    uint64_t flags = get_varint(&source);
    uint64_t channels = get_varint(&source);
    if (!source.is_wrong && source.version > without_seconds) {
        return quern_fail(context, QUERN_UNSUPPORTED, NULL,
                          "statistics of format %llu; this version reads up to "
                          "%d",
                          (unsigned long long)source.version,
                          (int)without_seconds);
    }
    /* Memory is taken by the number of channels: a part that holds any has
     * nine bytes for each; an empty one may claim only a plausible number. */
    bool is_plausible =
        channels > 0 && (channels <= size / 9 || channels <= (uint64_t)1 << 16);
    if (source.is_wrong || source.version == 0 || flags > 7 || !is_plausible) {
        return malformed(context, &source);
    }
    enum quern_code code =
        quern_stats_create(context, (uint32_t)flags, (size_t)channels, &stats);
    if (code != QUERN_OK) {
        return code;
    }
    get_head(&source, stats);
    code = get_parts(&source, stats);
    if (code == QUERN_OK && !get_pairs(&source, stats)) {
        code = QUERN_MALFORMED;
    }
    if (code == QUERN_NO_MEMORY) {
        code = qn_no_memory(context);
    } else if (code != QUERN_OK || source.is_wrong || source.used != size ||
               !counts_agree(stats)) {
        code = malformed(context, &source);
    }
    if (code != QUERN_OK) {
        quern_stats_destroy(&stats);
        return code;
    }
    *out_stats = stats;
    return QUERN_OK;
}
