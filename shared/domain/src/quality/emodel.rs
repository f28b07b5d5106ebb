//! MOS of sound by the E-model, ITU-T G.107 (06/2015), with its defaults: R = 93.2 - Idd - Ie,eff.
//!
//! With the defaults Ro - Is is 93.2. Idd is clause 7.4's delay impairment (mT 100 ms, sT 1). The echo terms are zero,
//! since browsers cancel echo. Ie,eff = Ie + (95 - Ie) Ppl / (Ppl / `BurstR` + Bpl), with a burst ratio of 1:
//! `getStats` says nothing of bursts. The advantage factor is zero: people expect of a call what they expect of a telephone.
//!
//! ITU-T G.113 has no row for Opus, so [`OPUS`] is an assumption, and said to be one: Ie 0, as G.113 gives G.711, which
//! Opus exceeds from 16 kbit/s on; Bpl 20, for the in-band FEC and concealment that browsers negotiate, a little below
//! the 25.1 that G.113 Appendix I measured for G.711 with concealment. The scale is narrowband's: its best is 4.41.

/// What a codec costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Codec {
    /// Equipment impairment without loss, Ie.
    pub ie: f64,
    /// Robustness against loss, Bpl.
    pub bpl: f64,
}

/// Opus as browsers use it.
pub const OPUS: Codec = Codec { ie: 0.0, bpl: 20.0 };

/// R with nothing wrong.
pub const BEST: f64 = 93.2;

/// The rating, from 0 to 93.2, of a one-way delay in milliseconds and a loss in percent.
pub fn rating(codec: Codec, one_way_ms: f64, loss_percent: f64) -> f64 {
    let loss = loss_percent.clamp(0.0, 100.0);
    let equipment = codec.ie + (95.0 - codec.ie) * loss / (loss + codec.bpl);
    (BEST - delay(one_way_ms) - equipment).clamp(0.0, BEST)
}

/// Idd, the impairment by delay alone.
fn delay(one_way_ms: f64) -> f64 {
    if one_way_ms <= 100.0 {
        return 0.0;
    }
    let x = (one_way_ms / 100.0).log2();
    25.0 * ((1.0 + x.powi(6)).powf(1.0 / 6.0) - 3.0 * (1.0 + (x / 3.0).powi(6)).powf(1.0 / 6.0) + 2.0)
}

/// MOS of a rating, from 1 to 4.5 (G.107 annex B). Below R = 6.5 the polynomial falls under 1, and MOS does not.
pub fn mos(rating: f64) -> f64 {
    let r = rating.clamp(0.0, 100.0);
    (1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6).clamp(1.0, 4.5)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Annex B prints 4.03 for what its formula makes 4.024.
    fn is(got: f64, published: f64, what: &str) {
        assert!((got - published).abs() < 0.007, "{what}: {got:.3} is not {published}");
    }

    #[test]
    fn mos_is_what_annex_b_prints() {
        for (r, published) in [
            (93.2, 4.41),
            (90.0, 4.34),
            (80.0, 4.03),
            (70.0, 3.60),
            (60.0, 3.10),
            (50.0, 2.58),
            (0.0, 1.0),
            (100.0, 4.5),
        ] {
            is(mos(r), published, "MOS");
        }
    }

    #[test]
    fn delay_costs_nothing_up_to_100_ms_and_three_points_at_200() {
        let opus = |ms| rating(OPUS, ms, 0.0);
        is(opus(100.0), BEST, "100 ms");
        is(BEST - opus(200.0), 3.04, "Idd of 200 ms: 25 (2^(1/6) - 3 (1 + 3^-6)^(1/6) + 2)");
        assert!((15.0..25.0).contains(&(BEST - opus(400.0))), "{}", opus(400.0));
    }

    /// The rows of G.113 appendix I for codecs that it has, by G.107's formula.
    #[test]
    fn codecs_with_a_published_robustness_lose_what_the_formula_says() {
        let g711 = Codec { ie: 0.0, bpl: 25.1 };
        let g729 = Codec { ie: 11.0, bpl: 19.0 };
        is(BEST - rating(g711, 0.0, 5.0), 15.78, "G.711 with concealment, 5 % lost");
        is(BEST - rating(g729, 0.0, 0.0), 11.0, "G.729A, nothing lost");
        is(BEST - rating(g729, 0.0, 2.0), 19.0, "G.729A, 2 % lost");
    }

    proptest! {
        #[test]
        fn more_loss_or_delay_never_improves_anything(ms in 0.0..9_000.0, loss in 0.0..100.0, more in 0.0..500.0) {
            let of = |ms, loss| mos(rating(OPUS, ms, loss));
            prop_assert!((1.0..=4.5).contains(&of(ms, loss)));
            prop_assert!(of(ms + more, loss) <= of(ms, loss) + 1e-9);
            prop_assert!(of(ms, loss + more) <= of(ms, loss) + 1e-9);
        }
    }
}
