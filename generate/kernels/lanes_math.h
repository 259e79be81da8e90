/* lanes_math.h - exponential and the activations made of it, lane by lane, over any spelling of
 * lanes (see lanes_blocks.h). */
#ifndef CAIRN_GENERATE_KERNELS_LANES_MATH_H
#define CAIRN_GENERATE_KERNELS_LANES_MATH_H

/* e^x: x = n ln 2 + r with |r| <= ln 2 / 2, a Taylor polynomial of degree 7 in r (error below
 * 2^-25), and 2^n put into the exponent. Below -87.3 the result is 0, above 88.7 it stays at the
 * value there. NaN gives some number: callers keep NaN visible elsewhere. */
LANES_INLINE lanes lanes_exp(lanes x)
{
    const lanes low = lanes_set1(-87.3f);
    lanes y = lanes_min(lanes_max(x, low), lanes_set1(88.0f));
    words n = lanes_round(lanes_mul(y, lanes_set1(1.44269504f)));
    lanes f = words_to_float(n);
    lanes r = lanes_fma(f, lanes_set1(-0.693359375f), y);
    lanes p = lanes_set1(1.0f / 5040.0f);

    r = lanes_fma(f, lanes_set1(2.12194440e-4f), r);
    p = lanes_fma(p, r, lanes_set1(1.0f / 720.0f));
    p = lanes_fma(p, r, lanes_set1(1.0f / 120.0f));
    p = lanes_fma(p, r, lanes_set1(1.0f / 24.0f));
    p = lanes_fma(p, r, lanes_set1(1.0f / 6.0f));
    p = lanes_fma(p, r, lanes_set1(0.5f));
    p = lanes_fma(p, r, lanes_set1(1.0f));
    p = lanes_fma(p, r, lanes_set1(1.0f));
    p = lanes_mul(p, words_as_float(words_shl(words_add(n, words_set1(127)), 23)));
    return lanes_where_gt(x, low, p);
}

/* x / (1 + e^-s) */
LANES_INLINE lanes times_sigmoid(lanes x, lanes s)
{
    const lanes one = lanes_set1(1.0f);
    return lanes_div(x, lanes_add(one, lanes_exp(lanes_sub(lanes_zero(), s))));
}

/* 0.5 x (1 + tanh(u)) = x / (1 + e^-2u), u = sqrt(2 / pi) (x + 0.044715 x^3). */
LANES_INLINE lanes gelu_tanh(lanes x)
{
    lanes cubic = lanes_fma(lanes_mul(lanes_mul(x, x), x), lanes_set1(0.044715f), x);
    return times_sigmoid(x, lanes_mul(cubic, lanes_set1(1.59576912f)));
}

/* tanh x = 1 - 2 / (e^2x + 1): an absolute error of about 1e-7, also near 0. NaN and infinities give
 * NaN, so a broken model stays visible. */
LANES_INLINE lanes lanes_tanh(lanes x)
{
    const lanes one = lanes_set1(1.0f), two = lanes_set1(2.0f);
    lanes y = lanes_sub(one, lanes_div(two, lanes_add(lanes_exp(lanes_mul(x, two)), one)));
    return lanes_add(y, lanes_sub(x, x));
}

/* erf by Abramowitz and Stegun 7.1.26 (error below 1.5e-7), for |x|; the sign goes on at the end.
 */
LANES_INLINE lanes gelu_by_erf(lanes x)
{
    const lanes one = lanes_set1(1.0f);
    lanes z = lanes_mul(lanes_abs(x), lanes_set1(0.70710678f));
    lanes t = lanes_div(one, lanes_fma(z, lanes_set1(0.3275911f), one));
    lanes p = lanes_set1(1.061405429f), erf, half;

    p = lanes_fma(p, t, lanes_set1(-1.453152027f));
    p = lanes_fma(p, t, lanes_set1(1.421413741f));
    p = lanes_fma(p, t, lanes_set1(-0.284496736f));
    p = lanes_fma(p, t, lanes_set1(0.254829592f));
    p = lanes_mul(p, t);
    erf = lanes_sub(one, lanes_mul(p, lanes_exp(lanes_sub(lanes_zero(), lanes_mul(z, z)))));
    half = lanes_mul(lanes_set1(0.5f), x);
    /* x erf(x / sqrt 2) is even in x: |x| / 2 erf(|x| / sqrt 2) + x / 2. */
    return lanes_fma(lanes_abs(half), erf, half);
}

#endif
