/* Sum of doubles that does not depend on order.
 *
 * Fixed point of 640 bits, two's complement, least bit 2^-300: floats (lowest
 * bit 2^-149) and products of two floats (2^-298) are represented exactly, and
 * 2^340 - 2^-300 is room for 2^84 products of the largest floats (2^256).
 * Doubles with bits below 2^-300 are truncated toward zero there, which is the
 * same for every order of adding.
 */
#include "base/numeric.h"

#include <string.h>

enum { LIMBS = 10, LOWEST = -300 };

/* Add a part and a carry to a limb. Both overflow together never. */
static inline uint64_t add_limb(uint64_t *limb, uint64_t part, uint64_t carry,
                                uint64_t flip)
{
    uint64_t sum;
    bool over = __builtin_add_overflow(*limb ^ flip, part, &sum);
    over |= __builtin_add_overflow(sum, carry, &sum);
    *limb = sum ^ flip;
    return over ? 1 : 0;
}

/* Add (or subtract) a 128-bit number at limb `at`; the carry runs on. A
 * difference is the complement of the sum with a complement: signs of sums come
 * in no order, and a branch on them would be guessed wrong every other time. */
static void add_at(uint64_t *limbs, size_t at, uint64_t low, uint64_t high,
                   bool negative)
{
    uint64_t flip = negative ? UINT64_MAX : 0;
    uint64_t carry = add_limb(&limbs[at], low, 0, flip);
    if (at + 1 < LIMBS) {
        carry = add_limb(&limbs[at + 1], high, carry, flip);
    }
    for (size_t i = at + 2; i < LIMBS && carry != 0; i++) {
        carry = add_limb(&limbs[i], 0, carry, flip);
    }
}

void qn_exact_add(struct qn_exact_sum *sum, double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int exponent = (int)(bits >> 52 & 0x7ff);
    uint64_t fraction = bits & ((UINT64_C(1) << 52) - 1);
    if (exponent == 0x7ff) {
        sum->n_nonfinite++;
        return;
    }
    if (exponent == 0) {
        return; /* below 2^-1022: under the lowest bit */
    }
    fraction |= UINT64_C(1) << 52;
    int shift = exponent - 1075 - LOWEST; /* of the fraction's lowest bit */
    if (shift < 0) {
        fraction = shift > -64 ? fraction >> -shift : 0;
        shift = 0;
    }
    size_t at = (size_t)shift / 64;
    unsigned bit = (unsigned)shift % 64;
    if (at >= LIMBS) {
        sum->n_nonfinite++; /* no float and no square of one is that large */
        return;
    }
    uint64_t high = bit == 0 ? 0 : fraction >> (64 - bit);
    add_at(sum->limbs, at, fraction << bit, high, bits >> 63 != 0);
}

void qn_exact_merge(struct qn_exact_sum *sum, const struct qn_exact_sum *other)
{
    uint64_t carry = 0;
    for (size_t i = 0; i < LIMBS; i++) {
        uint64_t part;
        bool over =
            __builtin_add_overflow(sum->limbs[i], other->limbs[i], &part);
        over |= __builtin_add_overflow(part, carry, &sum->limbs[i]);
        carry = over ? 1 : 0;
    }
    sum->n_nonfinite += other->n_nonfinite;
}

double qn_exact_value(const struct qn_exact_sum *sum)
{
    uint64_t limbs[LIMBS];
    bool negative = sum->limbs[LIMBS - 1] >> 63 != 0;
    uint64_t carry = negative ? 1 : 0;
    for (size_t i = 0; i < LIMBS; i++) {
        limbs[i] = negative ? ~sum->limbs[i] + carry : sum->limbs[i];
        carry = carry != 0 && limbs[i] == 0 ? 1 : 0;
    }
    /* From the highest limb down, each addition exact or rounding once: what is
     * lost lies below the last bit of the result. */
    double value = 0.0;
    for (int i = LIMBS - 1; i >= 0; i--) {
        if (value > 0.0 && value >= ldexp(1.0, 64 * (i + 2) + LOWEST)) {
            break;
        }
        value += ldexp((double)(limbs[i] >> 32), 64 * i + 32 + LOWEST);
        value += ldexp((double)(limbs[i] & 0xffffffffu), 64 * i + LOWEST);
    }
    return negative ? -value : value;
}
