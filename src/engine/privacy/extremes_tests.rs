//! No function is unsafe for arguments that are NaN, too large or too small. Each is tested with arguments of every
//! size, and must return an error, or the safest result: more noise, a larger epsilon, delta or cost.

use super::accountant::gdp::{Equivalent, Stored};
use super::accountant::{self, analytic_gaussian};
use super::budget::Split;
use super::loss::normal::{upper_quantile, upper_quantile_of_log, upper_tail};
use super::loss::pld::{Epsilon, Pld};
use super::mechanisms::Mechanism;
use super::mechanisms::exponential::choose;
use super::mechanisms::noisy_counts::noisy_counts;
use super::mechanisms::sparse_histogram::release_heavy;
use super::meter::Meter;
use super::samplers::poisson::SamplingRate;

/// Of every size, and NaN.
const SIZES: [f64; 31] = [
    f64::NAN,
    f64::NEG_INFINITY,
    -1e300,
    -1.0,
    -1e-300,
    -0.0,
    0.0,
    5e-324,
    1e-310,
    1e-300,
    1e-200,
    1e-100,
    1e-30,
    1e-12,
    1e-6,
    1e-3,
    0.1,
    0.5,
    0.999_999,
    1.0,
    2.0,
    10.0,
    30.0,
    600.0,
    746.0,
    1e5,
    1e12,
    1e100,
    1e200,
    1e300,
    f64::INFINITY,
];

fn pairs() -> impl Iterator<Item = (f64, f64)> {
    SIZES.into_iter().flat_map(|a| SIZES.into_iter().map(move |b| (a, b)))
}

#[test]
fn quantiles_err_upwards() {
    for tail in SIZES {
        let x = upper_quantile(tail);
        assert!(x >= 0.0, "{tail}: {x}");
        assert!(if tail > 0.0 { upper_tail(x) <= tail } else { x == f64::INFINITY }, "{tail}: {x}");
        // Not lower for a smaller tail.
        assert!(SIZES.iter().all(|less| !(*less < tail) || upper_quantile(*less) >= x), "{tail}");
        let of_log = upper_quantile_of_log(tail.ln());
        assert!(of_log >= x * (1.0 - 1e-6) || tail > 0.5, "{tail}: {of_log} {x}");
    }
}

#[test]
fn deltas_and_noise_of_gaussians_err_upwards() {
    for (z, epsilon) in pairs() {
        let delta = analytic_gaussian::delta(z, epsilon);
        assert!(delta > 0.0 && delta <= 1.0, "{z} {epsilon}: {delta}");
        assert!(delta == 1.0 || (z > 0.0 && epsilon >= 0.0), "{z} {epsilon}: {delta}");
        // Less noise or a smaller epsilon is not better.
        for (less, smaller) in [(z / 2.0, epsilon), (z, epsilon / 2.0)] {
            assert!(analytic_gaussian::delta(less, smaller) >= delta * (1.0 - 1e-9), "{z} {epsilon}");
        }
    }
    for (epsilon, wanted) in pairs() {
        let z = analytic_gaussian::noise_multiplier(epsilon, wanted);
        assert!(
            z == f64::INFINITY || analytic_gaussian::delta(z, epsilon) <= wanted * (1.0 + 1e-12),
            "{epsilon} {wanted}: {z}"
        );
        let back = analytic_gaussian::epsilon(epsilon, wanted);
        assert!(
            back == f64::INFINITY || analytic_gaussian::delta(epsilon, back) <= wanted,
            "{epsilon} {wanted}: {back}"
        );
    }
    // For large noise, delta is the first term of its series, (2 pi)^(-1/2) / z.
    for z in [1e4, 1e5, 1e6, 1e8, 1e11] {
        let expected = 1.0 / (z * std::f64::consts::TAU.sqrt());
        assert!((analytic_gaussian::delta(z, 0.0) / expected - 1.0).abs() < 1e-7, "{z}");
    }
}

#[test]
fn what_trainings_add_up_to_errs_upwards() {
    let mut last = 0.0;
    for epsilon in [0.1, 1.0, 30.0, 500.0, 600.0, 601.0, 700.0, 745.0, 746.0, 1e4, 1e300, f64::INFINITY] {
        let cost = Equivalent::of_claim(epsilon, 1e-6);
        assert!(cost.precision > last || cost.precision == f64::INFINITY, "{epsilon}: {cost:?}");
        last = cost.precision;
    }
    assert!(Equivalent::of_claim(746.0, 1e-6).precision > 5_000.0);
    assert_eq!(Equivalent::of_claim(f64::NAN, 1e-6).precision, f64::INFINITY);
    for ((precision, delta), wanted) in pairs().flat_map(|pair| SIZES.map(|wanted| (pair, wanted))) {
        let cost = Equivalent { precision, delta, slack: 1e-30 };
        let epsilon = cost.epsilon(wanted);
        assert!(epsilon >= 0.0, "{cost:?} {wanted}");
        let spent = epsilon == 0.0 && precision == 0.0 && delta <= wanted;
        let slack = (1.0 + epsilon.exp()) * 1e-30;
        let holds =
            || delta + slack + analytic_gaussian::delta(precision.sqrt().recip(), epsilon) <= wanted * (1.0 + 1e-12);
        assert!(epsilon == f64::INFINITY || spent || holds(), "{cost:?} {wanted}: {epsilon}");
    }
    // Slack has the cost of the epsilon at which it is evaluated.
    let slack = |slack| Equivalent::of_gaussian(30.0, 1e-6).and(Equivalent { precision: 0.0, delta: 0.0, slack });
    assert!(slack(0.0).epsilon(1e-6) < 30.001);
    let stored = Stored::from(slack(1e-20));
    assert!(stored.excess_delta > 4.8e-12 && stored.epsilon(1e-6) > 30.0 && stored.epsilon(1e-6) < 31.0);
    assert_eq!(stored.epsilon(5e-12), f64::INFINITY);
    assert!(slack(1e-20).epsilon(1e-6) > 30.01 && slack(1e-10).epsilon(1e-6) == f64::INFINITY);
}

#[test]
fn distributions_with_what_is_no_number_bound_nothing() {
    let mut pld = Pld::empty(0.25, -1.0, 1.0).unwrap();
    pld.put(0.5, 0.5);
    for infinity in [f64::NAN, f64::INFINITY, 1.0] {
        let broken = Pld { infinity, ..pld.clone() };
        assert_eq!((broken.epsilon(1e-6), broken.delta(0.1)), (Epsilon::Above, 1.0), "{infinity}");
    }
    let mut broken = pld.clone();
    broken.mass[6] = f64::NAN;
    assert_eq!((broken.epsilon(1e-6), broken.delta(0.0)), (Epsilon::Above, 1.0));
    assert_eq!(pld.delta(f64::NAN), 1.0);
    assert_eq!(pld.epsilon(f64::NAN), Epsilon::Above);
}

#[test]
fn the_accountant_refuses_or_errs_upwards() {
    for (a, b) in pairs() {
        let gaussian = [(Mechanism::Gaussian { noise_multiplier: a }, 1)];
        match accountant::epsilon(&gaussian, b) {
            Ok(epsilon) => {
                assert!(a > 0.0 && b > 0.0 && b < 1.0 && epsilon >= 0.0, "{a} {b}: {epsilon}");
                assert!(
                    epsilon == f64::INFINITY || analytic_gaussian::delta(a, epsilon) <= b * (1.0 + 1e-9),
                    "{a} {b}: {epsilon}"
                );
            }
            Err(_) => assert!(!(a > 0.0 && a.is_finite() && b > 0.0 && b < 1.0), "{a} {b}"),
        }
        if let Ok(delta) = accountant::delta(&gaussian, b) {
            assert!(a > 0.0 && b >= 0.0 && (0.0..=1.0).contains(&delta), "{a} {b}: {delta}");
        }
        let family = |noise_multiplier| vec![(Mechanism::Gaussian { noise_multiplier }, 1)];
        if let Ok(z) = accountant::calibrate(&[], a, b, family) {
            assert!(a >= 0.0 && b > 0.0 && analytic_gaussian::delta(z, a) <= b, "{a} {b}: {z}");
        }
        if let Ok(split) = Split::new(
            a,
            b,
            super::budget::Releases {
                histograms: 3,
                searches: [super::budget::Search { units: 2, least_signal: 0.0 }; 2],
                thresholds: 1,
            },
        ) {
            assert!(a > 0.0 && b > 0.0 && b < 1.0 && split.count_noise(2).is_finite(), "{a} {b}");
            assert!(!split.affords(u64::MAX, 1.0) && !split.affords(1, f64::NAN), "{a} {b}");
        }
    }
}

#[test]
fn choices_are_refused_or_err_upwards() {
    let few = [f64::NAN, -1.0, 0.0, 5e-324, 1e-12, 0.1, 10.0, 746.0, 1e100, f64::INFINITY];
    for (a, b) in few.into_iter().flat_map(|a| few.map(|b| (a, b))) {
        let choice = [(Mechanism::BoundedRange { epsilon: a }, 1)];
        if let Ok(delta) = accountant::delta(&choice, b) {
            assert!(a >= 0.0 && b >= 0.0 && (delta > 0.0 || b >= a), "{a} {b}: {delta}");
        }
    }
}

#[test]
fn mechanisms_refuse_or_err_towards_more_noise() {
    let mut meter = Meter::for_tests(1);
    for (a, b) in pairs() {
        if let Ok(noisy) = noisy_counts(&[1], a, b, &mut meter) {
            assert!(noisy.noise_sd >= a * b && noisy.noise_multiplier >= b, "{a} {b}: {noisy:?}");
        }
        if let Ok(heavy) = release_heavy(&[], [("one", 1)], 1, a, b, &mut meter) {
            assert!(heavy.threshold >= 1.0 && (heavy.keys.is_empty() || b > 1e-6), "{a} {b}: {heavy:?}");
        }
        match choose(&[0.0, a], b, 1, &mut meter) {
            Ok(chosen) => assert!(a.is_finite() && b >= 0.0 && b.is_finite() && chosen.len() == 1),
            Err(_) => assert!(!(a.is_finite() && b >= 0.0 && b.is_finite())),
        }
        let rate = SamplingRate::nearest(a).value();
        assert!((0.0..=1.0).contains(&rate) && (a > 0.0 || rate == 0.0), "{a}");
    }
}
