//! Networks on burn, and their training under DP-SGD with exact arithmetic.
//!
//! One private gradient ([`private_gradient`]): rows are Poisson sampled. Each row's loss over K noise levels gives ONE
//! gradient, which is clipped and rounded to an integer vector ([`clip`]). These are summed ([`batch_sum`]), Gaussian
//! noise rounded to integers is added, and the result is divided by a public constant. In networks of dense layers, no
//! per-example gradient is ever formed.
//!
//! # Claims
//! Let a row's contribution be `g(row, r)`, where `r` is the randomness for the row (noise levels, noise, dither),
//! given the weights, which earlier releases fixed. Then
//! 1. `g` is a vector of integers, and a function of only row, `r` and weights. It depends neither on the batch's other
//!    rows, nor on the row's position in the batch, nor on threads;
//! 2. its squared norm is at most `limit^2`, in exact arithmetic;
//! 3. noise is added to exactly the sum of `g(row, r)` over the sampled rows.
//!
//! If privacy units have several rows, read *unit* for *row*: units are sampled, and `g(unit, r)` is one clipped
//! gradient of K copies, each of a row that `r` draws from the unit's rows. The claims hold unchanged.
//!
//! So adding or removing a row changes the sum by an integer vector of norm at most `limit`, or not at all. The draws
//! `r` are independent between rows and of the noise. So the mechanism is a mixture over them of Gaussian mechanisms
//! with that sensitivity, and the divergence between neighbouring tables is at most that of the Poisson-subsampled
//! Gaussian mechanism with noise multiplier `2^m / limit` (joint convexity). The noise is `round(2^m X)`. For an
//! integer `v`, `round(v + 2^m X)` equals `v + round(2^m X)`, so this is post-processing of the continuous mechanism.
//! No floating-point rounding affects the sensitivity.
//!
//! # Proof
//! *Exact products.* An `f32` represents every integer below 2^24 in absolute value. If all terms of a sum of products
//! are integers and their absolute values add up to less than 2^24, each product and each partial sum is such an
//! integer, in any order and with or without fused multiply-add: the computed sum is exact. All matrix products of
//! training are of this kind ([`exact`], [`batch_sum`]):
//! - *forward*: activations are rounded to multiples of 1/32 in +-255/32. A layer's weights are rounded to multiples of
//!   a power of two. It depends only on the weights, and every column w satisfies |w| <= 2^24 / R - 1, where R is a
//!   public bound on the norm |a| of a layer's activations. By Cauchy and Schwarz, the terms of a . w add up to at most
//!   |a| |w|. Rows with |a| > R (exact comparison) are *lost*: their contribution is 0;
//! - *backward*: a row's gradient with respect to a layer's sums is rounded to integer multiples of a step per row, so
//!   that its norm is at most 2^24 / |w|, where w is the longest row of the weights. This is checked, and otherwise the
//!   row is lost;
//! - *sum*: for the products activations^T x deltas, each row has a bound: the sum over its copies of (largest
//!   activation) x (largest delta). Rows are grouped so that these bounds add up to less than 2^24. Groups are added in
//!   64-bit integers.
//!
//! *Claim 1.* Between matrix products, everything is computed row by row, by the same instructions on slices of the
//! same length. Products mix rows only in *sum*, and otherwise are exact, so no entry depends on how the backend
//! divides or orders its work. (With inexact products it would: the last digits of a row's deltas may depend on its
//! position in the batch, and so other rows' integers may change when one row is removed. This is why exactness is
//! needed before clipping as well as after it.)
//!
//! *Claim 2.* With activations A_k and deltas D_k of copy k, all integers, a dense layer's gradient is sum_k A_k D_k^T,
//! with squared norm sum_kl (A_k . A_l) (D_k . D_l). A ends with the constant 32, which represents 1, so the bias is
//! included. Inner products are exact: in `f32` by blocks of 256 entries up to 255 (256 * 255^2 < 2^24), else in `f64`
//! by blocks of 2^12 entries up to 2^20 (2^52). They are combined in 128-bit integers. Gamma and beta have explicit
//! gradients, summed over copies and rounded to the same unit. The total is compared with `limit^2`. A row above it is
//! scaled down and rounded again. After three attempts it contributes 0. A row that is not finite also contributes 0.
//!
//! *Claim 3.* The sums are exact as shown. 64-bit integers can add 2^32 rows of entries up to `limit` <= 2^31.
//!
//! *Explicit gradients* ([`per_example`]). If no ghost norm exists (attention, embeddings, layer norms, mixtures), a
//! row's gradient is formed by itself: automatic differentiation of the loss of only that row, with the row, `r` and
//! copies of the weights as operands. It shares nothing with other rows' computations: claim 1. (If a backend chose
//! between orders of summation by the state of the machine, that choice would be a part of `r`.) It is scaled and
//! rounded to integers ([`clip_dense`]), whose squared norm is computed exactly and compared with `limit^2`. A row
//! above it is scaled down and rounded again, and contributes 0 after three attempts, like a row that is not finite:
//! claim 2. Exactly these integers are added, in 64 bits: claim 3.
//!
//! How well the integers approximate the true gradient affects usefulness, not privacy. Tests compare them with burn's
//! gradients.

pub mod adam;
pub mod batch_sum;
pub mod clip;
mod clip_dense;
pub mod device;
pub mod exact;
pub mod mlp;
pub mod normals;
pub mod per_example;
pub mod private_gradient;
pub mod simd;
pub mod tensors;

#[cfg(test)]
mod tests;
