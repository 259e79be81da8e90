/* encode_math.h - the encoder's exponential, GELU and rounding, once for the processor's rows
 * (encode_lanes.h) and for a device's threads (generate/cuda/encode.cu), which spell the words
 * below each in their way:
 *
 *   lanes, ilanes, lane_mask   floats, int32s, and what a comparison gives
 *   LANE_FN                    how a function is declared
 *   lanes_set, lanes_pick, lanes_less, lanes_max, lanes_min, lanes_abs, lanes_round, lanes_fma
 *   lanes_of_ints(n)           to floats
 *   lanes_times_power(p, n)    p * 2^n, by the exponent's bits
 *
 * Multiplications and additions are fused where lanes_fma says so and nowhere else. */
#ifndef CAIRN_GENERATE_ENCODE_ENCODE_MATH_H
#define CAIRN_GENERATE_ENCODE_ENCODE_MATH_H

/* e^x for x <= 0; 0 below -87. Relative error below 3e-7: x = n ln 2 + r, the Taylor polynomial of
 * degree 6 on |r| <= 0.35. */
LANE_FN lanes lanes_exp(lanes x)
{
    lane_mask tiny = lanes_less(x, lanes_set(-87.0f));
    lanes clipped = lanes_max(x, lanes_set(-87.0f));
    ilanes n = lanes_round(clipped * 1.44269504f);
    lanes r = lanes_fma(lanes_of_ints(n), lanes_set(-0.69314718f), clipped);
    lanes p = lanes_set(1.0f / 720);

    p = lanes_fma(p, r, lanes_set(1.0f / 120));
    p = lanes_fma(p, r, lanes_set(1.0f / 24));
    p = lanes_fma(p, r, lanes_set(1.0f / 6));
    p = lanes_fma(p, r, lanes_set(0.5f));
    p = lanes_fma(p, r, lanes_set(1.0f));
    p = lanes_fma(p, r, lanes_set(1.0f));
    return lanes_pick(tiny, lanes_set(0.0f), lanes_times_power(p, n));
}

/* x / 2 * (1 + erf(x / sqrt 2)). The error function by Abramowitz and Stegun 7.1.26: largest error
 * 1.5e-7. */
LANE_FN lanes lanes_gelu(lanes x)
{
    lanes z = lanes_abs(x) * 0.70710678f;
    lanes t = 1.0f / lanes_fma(z, lanes_set(0.3275911f), lanes_set(1.0f));
    lanes p = lanes_set(1.061405429f);
    lanes tail;

    p = lanes_fma(p, t, lanes_set(-1.453152027f));
    p = lanes_fma(p, t, lanes_set(1.421413741f));
    p = lanes_fma(p, t, lanes_set(-0.284496736f));
    p = lanes_fma(p, t, lanes_set(0.254829592f));
    tail = p * t * lanes_exp(-(z * z)); /* 1 - erf(z) */
    /* x > 0: x - x tail / 2; x < 0: x tail / 2. A NaN stays one. */
    tail = tail * x * 0.5f;
    return lanes_pick(lanes_less(lanes_set(0.0f), x), x - tail, tail);
}

/* Scale by `by`, clip to +-limit (a NaN becomes the limit) and round. */
LANE_FN ilanes lanes_to_int(lanes x, float by, float limit)
{
    return lanes_round(lanes_max(lanes_min(x * by, lanes_set(limit)), lanes_set(-limit)));
}

#endif
