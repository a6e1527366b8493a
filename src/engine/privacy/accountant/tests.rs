//! Known answers come from two other implementations; see `about` in `tests/data/accounting.json`.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::*;
use crate::engine::privacy::mechanisms::facts::Facts;
use crate::engine::privacy::mechanisms::subsampled_gaussian::SubsampledGaussian;

fn known() -> Value {
    serde_json::from_str(include_str!("../../../../tests/data/accounting.json")).unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

fn sampled(sampling_rate: f64, noise_multiplier: f64, steps: u64) -> Mechanism {
    Mechanism::SubsampledGaussian { sampling_rate, noise_multiplier, steps }
}

/// One distribution of one direction of a subsampled Gaussian.
fn single(rate: f64, noise_multiplier: f64, step: f64) -> (Pld, Pld) {
    let losses = SubsampledGaussian { rate, noise_multiplier }.losses(step, 1e-40).unwrap();
    (losses.remove, losses.add.unwrap())
}

#[test]
fn epsilons_are_known() {
    for row in known()["epsilon"].as_array().unwrap() {
        let mechanism = sampled(number(&row["q"]), number(&row["sigma"]), row["steps"].as_u64().unwrap());
        let found = epsilon(&[(mechanism, 1)], number(&row["delta"])).unwrap();
        let pld = number(&row["pld"]);
        let lower = row["prv"][0].as_f64().unwrap_or(pld - 0.002).max(pld - 0.002);
        assert!(found >= lower && found <= pld + 0.002, "{row}: {found}");
        // Not below the truth either, which is close to the other implementation's estimate.
        if let Some(estimate) = row["prv"][1].as_f64() {
            assert!(found > estimate - 2e-5, "{row}: {found}");
        }
    }
}

#[test]
fn noise_multipliers_are_known_and_fast() {
    for row in known()["sigma"].as_array().unwrap() {
        let (rate, steps) = (number(&row["q"]), row["steps"].as_u64().unwrap());
        let (target, delta) = (number(&row["epsilon"]), number(&row["delta"]));
        let start = Instant::now();
        let found = calibrate(&[], target, delta, |noise| vec![(sampled(rate, noise, steps), 1)]).unwrap();
        assert!(start.elapsed() < Duration::from_secs(10), "{row} took {:?}", start.elapsed());
        let ratio = found / number(&row["sigma_pld"]);
        assert!((0.9995..=1.002).contains(&ratio), "{row}: {found}");
        assert!(epsilon(&[(sampled(rate, found, steps), 1)], delta).unwrap() <= target * (1.0 + 1e-5), "{row}");
    }
}

#[test]
fn gaussian_mechanism_is_known() {
    let known = &known()["gaussian"];
    let delta = number(&known["delta"]);
    for (noise, expected) in known["sigma_to_epsilon"].as_object().unwrap() {
        let noise_multiplier = noise.parse().unwrap();
        let found = epsilon(&[(Mechanism::Gaussian { noise_multiplier }, 1)], delta).unwrap();
        assert!((found - number(expected)).abs() < 1e-6, "{noise}: {found}");
    }
    for (target, expected) in known["epsilon_to_sigma"].as_object().unwrap() {
        let target = target.parse().unwrap();
        let family = |noise_multiplier| vec![(Mechanism::Gaussian { noise_multiplier }, 1)];
        let found = calibrate(&[], target, delta, family).unwrap();
        let exact = analytic_gaussian::noise_multiplier(target, delta);
        assert!((exact / number(expected) - 1.0).abs() < 2e-6, "{target}: {exact}");
        assert!(found >= exact && found <= exact * (1.0 + 1.01e-4), "{target}: {found}");
    }
}

#[test]
fn deltas_are_known() {
    let known = &known()["delta_of_epsilon"];
    let steps = known["steps"].as_u64().unwrap();
    let mechanism = sampled(number(&known["q"]), number(&known["sigma"]), steps);
    for epsilon in ["0.5", "1", "2"] {
        let found = delta(&[(mechanism, 1)], epsilon.parse().unwrap()).unwrap();
        assert!((found / number(&known[epsilon]) - 1.0).abs() < 1e-3, "{epsilon}: {found}");
    }
}

#[test]
fn single_steps_are_known_in_both_directions() {
    let known = &known()["single_step"];
    let both = single(number(&known["q"]), number(&known["sigma"]), 1.0 / 8192.0);
    for (pld, direction) in [(&both.0, "remove"), (&both.1, "add")] {
        for (epsilon, expected) in known[direction].as_object().unwrap() {
            let (found, expected) = (pld.delta(epsilon.parse().unwrap()), number(expected));
            assert!((found - expected).abs() < 1e-9 + 1e-5 * expected, "{direction} {epsilon}: {found}");
        }
    }
}

#[test]
fn different_mechanisms_compose() {
    let known = known();
    let known = &known["heterogeneous"];
    let (laplace, gaussian, sub) = (&known["laplace"], &known["gaussian"], &known["subsampled"]);
    let mechanisms = [
        (Mechanism::Laplace { scale: number(&laplace["scale"]) }, laplace["times"].as_u64().unwrap()),
        (Mechanism::Gaussian { noise_multiplier: number(&gaussian["sigma"]) }, gaussian["times"].as_u64().unwrap()),
        (sampled(number(&sub["q"]), number(&sub["sigma"]), sub["steps"].as_u64().unwrap()), 1),
    ];
    let found = epsilon(&mechanisms, number(&known["delta"])).unwrap();
    assert!((found - number(&known["epsilon"])).abs() < 2e-4, "{found}");
}

#[test]
fn never_above_renyi_accounting() {
    for (rate, noise, steps) in [(0.001, 0.6, 1), (0.01, 0.8, 100), (0.02, 3.0, 5000), (0.3, 8.0, 50), (0.9, 20.0, 300)]
    {
        for other in [None, Some(Mechanism::Laplace { scale: 10.0 }), Some(Mechanism::Pure { epsilon: 0.05 })] {
            for delta in [1e-3, 1e-6, 1e-10] {
                let mut mechanisms = vec![(sampled(rate, noise, steps), 1)];
                mechanisms.extend(other.map(|mechanism| (mechanism, 3)));
                mechanisms.push((Mechanism::Gaussian { noise_multiplier: 15.0 }, 2));
                let (pld, renyi) = (epsilon(&mechanisms, delta).unwrap(), rdp::epsilon(&mechanisms, delta));
                assert!(pld <= renyi && pld > 0.1 * renyi, "{mechanisms:?} {delta}: {pld} {renyi}");
            }
        }
    }
}

/// The closed form is known. A rate just below 1 uses the general computation.
#[test]
fn certain_sampling_is_no_sampling_down_to_tiny_deltas() {
    for (noise, steps) in [(2.0, 2), (10.0, 40), (30.0, 1000), (100.0, 20)] {
        let exact_noise = noise / f64::from(steps).sqrt();
        for wanted in [0.3, 1e-2, 1e-5, 1e-9, 1e-12, 1e-15] {
            let exact = analytic_gaussian::epsilon(exact_noise, wanted);
            let found = epsilon(&[(sampled(1.0 - 1e-13, noise, steps as u64), 1)], wanted).unwrap();
            assert!(found >= exact - 1e-9 && found <= exact + 2e-4 + 1e-4 * exact, "{noise} {wanted}: {found} {exact}");
            let at = analytic_gaussian::delta(exact_noise, exact + 0.1);
            let found = delta(&[(sampled(1.0 - 1e-13, noise, steps as u64), 1)], exact + 0.1).unwrap();
            assert!(found >= at * (1.0 - 1e-6) && found <= at * 1.002, "{noise} {wanted}: {found:e} {at:e}");
        }
    }
}

/// Randomized response composes binomially; deltas of any size are sums of few terms.
#[test]
fn pure_mechanisms_compose_exactly() {
    let (each, times) = (0.125, 40u32);
    let mechanisms = [(Mechanism::Pure { epsilon: each }, u64::from(times))];
    let p = 1.0 / (1.0 + f64::exp(-each));
    let exact = |epsilon: f64| -> f64 {
        let mut choose = 1.0;
        (0..=times)
            .map(|k| {
                let mass = choose * p.powi(k as i32) * (1.0 - p).powi((times - k) as i32);
                choose *= f64::from(times - k) / f64::from(k + 1);
                let loss = (2.0 * f64::from(k) - f64::from(times)) * each;
                mass * -(epsilon - loss).min(0.0).exp_m1()
            })
            .sum()
    };
    for epsilon in [0.0, 0.5, 1.0, 2.0, 4.0, 4.9] {
        let (found, exact) = (delta(&mechanisms, epsilon).unwrap(), exact(epsilon));
        assert!(found >= exact * (1.0 - 1e-12) && found <= exact * 1.001, "{epsilon}: {found:e} {exact:e}");
    }
    for wanted in [1e-3, 1e-6, 1e-9] {
        let found = epsilon(&mechanisms, wanted).unwrap();
        assert!(exact(found) <= wanted && exact(found - 1e-3) > wanted, "{wanted}: {found}");
    }
    // Unreachable for any delta: the sum of the epsilons.
    assert!(epsilon(&mechanisms, 1e-300).unwrap() <= 5.0 + 1e-9);
    assert_eq!(delta(&mechanisms, 5.1).unwrap(), 0.0);
}

#[test]
fn laplace_alone_is_exact() {
    for scale in [0.5f64, 2.0, 20.0] {
        let mechanisms = [(Mechanism::Laplace { scale }, 1)];
        for share in [0.0, 0.3, 0.9] {
            let epsilon = share / scale;
            let exact = -(0.5 * (epsilon - 1.0 / scale)).exp_m1();
            let found = delta(&mechanisms, epsilon).unwrap();
            assert!(found >= exact * (1.0 - 1e-12) && found <= exact + 1e-6, "{scale} {share}: {found} {exact}");
        }
    }
}

#[test]
fn masses_add_up_to_one() {
    for (rate, noise) in [(0.004, 0.5), (0.02, 1.0), (0.5, 0.3), (0.001, 30.0), (0.999, 3.0)] {
        let (lowest, highest) = SubsampledGaussian { rate, noise_multiplier: noise }.range(1e-40);
        for step in [1e-5f64, 1e-3, 0.1] {
            let both = single(rate, noise, step.max((highest - lowest) / 1e6));
            for pld in [both.0, both.1] {
                let sum: f64 = pld.mass.iter().sum::<f64>() + pld.infinity;
                assert!(
                    (sum - 1.0).abs() < 1e-12 * pld.mass.len() as f64 / 1e3 + 1e-11,
                    "{rate} {noise} {step}: {sum}"
                );
            }
        }
    }
}

/// Delta of one step in closed form, from the smallest output that makes the unit's presence `e^epsilon` times as
/// likely.
#[test]
fn single_steps_match_the_closed_form() {
    use crate::engine::privacy::loss::normal::upper_tail;
    for (rate, noise) in [(0.01f64, 0.4f64), (0.1, 1.0), (0.6, 5.0), (0.001, 0.7)] {
        let both = single(rate, noise, 2f64.powi(-16));
        for epsilon in [0.001f64, 0.05, 0.5, 2.0, 5.0] {
            let turn = |excess: f64| noise * (excess / rate).ln() + 0.5 / noise;
            let u = turn(epsilon.exp_m1() + rate);
            let with = (1.0 - rate) * upper_tail(u) + rate * upper_tail(u - 1.0 / noise);
            let exact = with - epsilon.exp() * upper_tail(u);
            let found = both.0.delta(epsilon);
            let rounding = 1e-13 * with + 1e-38;
            assert!(found >= exact - rounding && found <= exact * (1.0 + 1e-4) + rounding, "{rate} {noise} {epsilon}");

            let excess = (-epsilon).exp_m1() + rate;
            let exact = if excess > 0.0 {
                let u = -turn(excess);
                let with = (1.0 - rate) * upper_tail(u) + rate * upper_tail(u + 1.0 / noise);
                upper_tail(u) - epsilon.exp() * with
            } else {
                0.0
            };
            let found = both.1.delta(epsilon);
            assert!(
                found >= exact - 1e-13 && found <= exact * (1.0 + 1e-3) + 2e-8,
                "{rate} {noise} {epsilon} {found:e} {exact:e}"
            );
        }
    }
}

#[test]
fn calibration_leaves_room_for_what_is_fixed() {
    let fixed = [(Mechanism::Gaussian { noise_multiplier: 12.0 }, 5), (Mechanism::Pure { epsilon: 0.01 }, 4)];
    let family = |noise| vec![(sampled(0.026, noise, 1000), 1)];
    let found = calibrate(&fixed, 1.0, 1e-6, family).unwrap();
    let whole = |noise: f64| epsilon(&[&fixed[..], &family(noise)].concat(), 1e-6).unwrap();
    assert!(whole(found) <= 1.0 + 1e-5 && whole(found * (1.0 - 3e-4)) > 1.0, "{found}");
    assert!(found > calibrate(&[], 1.0, 1e-6, family).unwrap());
}

#[test]
fn targets_out_of_reach_are_refused() {
    let fixed = [(Mechanism::Gaussian { noise_multiplier: 1.0 }, 1)];
    let error = calibrate(&fixed, 1.0, 1e-6, |noise| vec![(sampled(0.01, noise, 10), 1)]).unwrap_err();
    assert!(matches!(error, EngineError::InvalidParameter { .. }));
    // A family that ignores the noise.
    assert!(calibrate(&[], 1.0, 1e-6, |_| fixed.to_vec()).is_err());
    // A family that needs no noise.
    assert!(calibrate(&[], 1.0, 1e-6, |_| Vec::new()).unwrap() < NOISE_RANGE.0 * 1.001);
}

#[test]
fn senseless_input_is_refused() {
    for mechanism in [
        Mechanism::Gaussian { noise_multiplier: 0.0 },
        Mechanism::Gaussian { noise_multiplier: f64::NAN },
        Mechanism::Laplace { scale: -1.0 },
        Mechanism::Pure { epsilon: f64::INFINITY },
        sampled(1.5, 1.0, 1),
        sampled(0.5, f64::INFINITY, 1),
    ] {
        assert!(epsilon(&[(mechanism, 1)], 1e-6).is_err(), "{mechanism:?}");
    }
    for wrong in [0.0, 1.0, -1.0, f64::NAN] {
        assert!(epsilon(&[], wrong).is_err());
    }
    assert!(delta(&[], -1.0).is_err() && delta(&[], f64::NAN).is_err());
    assert_eq!(epsilon(&[], 1e-6).unwrap(), 0.0);
    assert_eq!(epsilon(&[(sampled(0.0, 1.0, 100), 1), (sampled(0.1, 1.0, 0), 5)], 1e-6).unwrap(), 0.0);
}

#[test]
fn extremes_stay_finite_and_ordered() {
    for (rate, noise, steps) in
        [(1e-6, 0.3, 1_000_000), (0.5, 0.05, 3), (0.999, 500.0, 10), (1e-3, 1e4, 100_000), (0.1, 0.02, 1)]
    {
        let mut last = f64::INFINITY;
        for wanted in [1e-12, 1e-9, 1e-6, 1e-3, 0.1, 0.5, 0.99] {
            let found = epsilon(&[(sampled(rate, noise, steps), 1)], wanted).unwrap();
            assert!(found.is_finite() && found >= 0.0 && found <= last + 1e-9, "{rate} {noise} {wanted}: {found}");
            last = found;
        }
    }
}
/// A unit that is added changes little in few steps, so losses near the target hardly occur in this direction.
#[test]
fn calibration_stands_losses_that_end_at_the_target() {
    let prior = [(Mechanism::Gaussian { noise_multiplier: 8.92 }, 1)];
    let (epsilon, delta) = (0.97, 8.89e-7);
    for sampling_rate in [0.0101, 0.010_223, 0.0103, 0.0104, 0.02, 0.05] {
        let family =
            |noise_multiplier| vec![(Mechanism::SubsampledGaussian { sampling_rate, noise_multiplier, steps: 10 }, 1)];
        let noise = calibrate(&prior, epsilon, delta, family).unwrap();
        let at = |noise: f64| super::delta(&[&prior[..], &family(noise)].concat(), epsilon).unwrap();
        assert!(at(noise) <= delta && at(noise * (1.0 - 3.0 * TOLERANCE)) > delta, "{sampling_rate}: {noise}");
    }
}

/// A Gaussian mechanism that uses up much of a budget, before a subsampled one: in the direction of addition hardly
/// any loss reaches epsilon.
#[test]
fn deltas_are_found_where_one_direction_hardly_reaches_epsilon() {
    let subsampled =
        |noise_multiplier| Mechanism::SubsampledGaussian { sampling_rate: 0.11, noise_multiplier, steps: 5 };
    for first in [0.7, 0.74, 0.76, 0.8, 1.0] {
        let mut last = 1.0;
        for second in [0.5, 0.7, 1.0, 2.0, 4.0, 100.0] {
            let both = [(Mechanism::Gaussian { noise_multiplier: first }, 1), (subsampled(second), 1)];
            let delta = delta_near(&both, 9.7, 1e-6).unwrap();
            assert!(delta < last && delta < 1e-2, "{first} {second}: {delta} after {last}");
            last = delta.max(1e-12);
        }
        // Rounded up, and no less than the first alone costs.
        assert!(last * 1.1 >= analytic_gaussian::delta(first, 9.7));
    }
}
