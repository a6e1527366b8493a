//! Gauss-Legendre quadrature, and the normal density that it integrates.

/// Points and weights on [0, 1], exact for polynomials up to degree 5.
pub const GAUSS_3: [(f64, f64); 3] = [
    (0.112_701_665_379_258_31, 0.277_777_777_777_777_8),
    (0.5, 0.444_444_444_444_444_4),
    (0.887_298_334_620_741_7, 0.277_777_777_777_777_8),
];

/// Points and weights on [0, 1], exact for polynomials up to degree 9.
pub const GAUSS_5: [(f64, f64); 5] = [
    (0.046_910_077_030_668_004, 0.118_463_442_528_094_54),
    (0.230_765_344_947_158_45, 0.239_314_335_249_683_23),
    (0.5, 0.284_444_444_444_444_44),
    (0.769_234_655_052_841_5, 0.239_314_335_249_683_23),
    (0.953_089_922_969_332, 0.118_463_442_528_094_54),
];

/// Cells narrower than this, relative to the scale on which the integrand varies, use three points. The error is below
/// `0.02^5 * 12 * 5e-7`.
pub const NARROW: f64 = 0.02;
/// Wider cells are divided into panels of this width with five points. The error is below `0.25^9 * 4e-13 * 1e5`.
const PANEL: f64 = 0.25;

/// `1 / sqrt(2 pi)`
pub const FRAC_1_SQRT_TAU: f64 = 0.398_942_280_401_432_7;

/// Density of the standard normal distribution.
pub fn density(u: f64) -> f64 {
    FRAC_1_SQRT_TAU * (-0.5 * u * u).exp()
}

/// Visits quadrature points and weights on `[from, to]`, in panels that are short compared with `1 / scale`.
pub fn panels(from: f64, to: f64, scale: impl Fn(f64) -> f64, mut visit: impl FnMut(f64, f64)) {
    let mut start = from;
    while start < to {
        let mut end = (start + PANEL / scale(start)).min(to);
        // The scale may shrink along the panel.
        end = (start + PANEL / scale(start).max(scale(end))).min(to);
        for (x, weight) in GAUSS_5 {
            visit(start + (end - start) * x, (end - start) * weight);
        }
        start = end;
    }
}
