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

/* x / 2 * (1 + erf(x / sqrt 2)) = max(x, 0) - u / 2 * erfc(u / sqrt 2) with u = |x|. What is taken off is the polynomial
 * of degree 16 in t = u / 2.75 - 1 that meets it at the Chebyshev points of 0 <= u <= 5.5, where it has fallen to 1e-7:
 * largest error 2.2e-7, and neither an exponential nor a division. A NaN stays one. */
LANE_FN lanes lanes_gelu(lanes x)
{
    lanes t = lanes_fma(lanes_min(lanes_set(5.5f), lanes_abs(x)), lanes_set(1 / 2.75f), lanes_set(-1.0f));
    lanes p = lanes_set(-0.0156969205f);

    p = lanes_fma(p, t, lanes_set(-0.000522047339f));
    p = lanes_fma(p, t, lanes_set(0.0989243686f));
    p = lanes_fma(p, t, lanes_set(-0.0374604091f));
    p = lanes_fma(p, t, lanes_set(-0.256906211f));
    p = lanes_fma(p, t, lanes_set(0.232402071f));
    p = lanes_fma(p, t, lanes_set(0.272212535f));
    p = lanes_fma(p, t, lanes_set(-0.545276403f));
    p = lanes_fma(p, t, lanes_set(0.151383862f));
    p = lanes_fma(p, t, lanes_set(0.459697336f));
    p = lanes_fma(p, t, lanes_set(-0.628322899f));
    p = lanes_fma(p, t, lanes_set(0.260418266f));
    p = lanes_fma(p, t, lanes_set(0.178947583f));
    p = lanes_fma(p, t, lanes_set(-0.308680892f));
    p = lanes_fma(p, t, lanes_set(0.191263378f));
    p = lanes_fma(p, t, lanes_set(-0.0605779812f));
    p = lanes_fma(p, t, lanes_set(0.0081943702f));
    return lanes_pick(lanes_less(lanes_set(0.0f), x), x - p, -p);
}

/* Scale by `by`, clip to +-limit (a NaN becomes the limit) and round. */
LANE_FN ilanes lanes_to_int(lanes x, lanes by, float limit)
{
    return lanes_round(lanes_max(lanes_min(x * by, lanes_set(limit)), lanes_set(-limit)));
}

#endif
