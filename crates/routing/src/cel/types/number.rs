//! Ranges of numbers.

use std::cmp::Ordering;

use serde_json::Number as Json;

/// The largest whole number up to which every one is a double.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Numbers between two bounds, both included. Bounds are doubles, rounded outwards.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Number {
    pub(crate) min: f64,
    pub(crate) max: f64,
    /// None has a fraction.
    pub(crate) whole: bool,
    /// 0 is not among them.
    pub(crate) not_zero: bool,
}

impl Number {
    pub(crate) const ANY: Self =
        Self { min: f64::NEG_INFINITY, max: f64::INFINITY, whole: false, not_zero: false };

    /// Whole numbers between two bounds.
    pub(crate) fn whole(min: f64, max: f64) -> Self {
        Self { min, max, whole: true, not_zero: min > 0.0 || max < 0.0 }
    }

    /// One number. Beyond the range where doubles tell whole numbers apart, its neighbours are included.
    pub(crate) fn exactly(value: f64) -> Self {
        let (min, max) =
            if value.abs() < EXACT { (value, value) } else { (value.next_down(), value.next_up()) };
        Self { min, max, whole: value.fract() == 0.0, not_zero: value != 0.0 }
    }

    pub(crate) fn of_json(number: &Json) -> Self {
        number.as_f64().map_or(Self::ANY, Self::exactly)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.min > self.max || (self.not_zero && self.min == 0.0 && self.max == 0.0)
    }

    /// Whether none can be 0.
    pub(crate) fn excludes_zero(&self) -> bool {
        self.not_zero || self.min > 0.0 || self.max < 0.0
    }

    /// Those of both.
    pub(crate) fn meet(&self, other: &Self) -> Self {
        Self {
            min: self.min.max(other.min),
            max: self.max.min(other.max),
            whole: self.whole || other.whole,
            not_zero: self.not_zero || other.not_zero,
        }
        .tightened()
    }

    /// Those of either, and what is between them.
    pub(crate) fn join(&self, other: &Self) -> Self {
        Self {
            min: self.min.min(other.min),
            max: self.max.max(other.max),
            whole: self.whole && other.whole,
            not_zero: self.excludes_zero() && other.excludes_zero(),
        }
    }

    /// Whole numbers have whole bounds.
    fn tightened(self) -> Self {
        if self.whole { Self { min: self.min.ceil(), max: self.max.floor(), ..self } } else { self }
    }

    /// Those that compare so with some number of `other`.
    pub(crate) fn compared(&self, order: Order, other: &Self) -> Self {
        let bound = match order {
            Order::Less => Self { max: other.max, ..Self::ANY },
            Order::Greater => Self { min: other.min, ..Self::ANY },
        };
        self.meet(&bound)
    }

    /// Those that are strictly less, or greater, than some number of `other`.
    pub(crate) fn strictly(&self, order: Order, other: &Self) -> Self {
        let near = self.compared(order, other);
        let whole = |bound: f64, step: f64| {
            if self.whole && bound.fract() == 0.0 && bound.abs() < EXACT { bound + step } else { bound }
        };
        let narrowed = match order {
            Order::Less => Self { max: near.max.min(whole(other.max, -1.0)), ..near },
            Order::Greater => Self { min: near.min.max(whole(other.min, 1.0)), ..near },
        };
        let borders_zero = match order {
            Order::Less => other.max <= 0.0,
            Order::Greater => other.min >= 0.0,
        };
        Self { not_zero: narrowed.not_zero || borders_zero, ..narrowed }
    }

    /// How every number of these compares with every one of `other`, if always the same way.
    pub(crate) fn always(&self, other: &Self) -> Option<Ordering> {
        if self.max < other.min {
            Some(Ordering::Less)
        } else if self.min > other.max {
            Some(Ordering::Greater)
        } else if self.min == self.max && other.min == other.max && self.min == other.min {
            Some(Ordering::Equal)
        } else {
            None
        }
    }

    pub(crate) fn add(&self, other: &Self) -> Self {
        Self::between(self.min + other.min, self.max + other.max, self.whole && other.whole)
    }

    pub(crate) fn subtract(&self, other: &Self) -> Self {
        Self::between(self.min - other.max, self.max - other.min, self.whole && other.whole)
    }

    pub(crate) fn multiply(&self, other: &Self) -> Self {
        let whole = self.whole && other.whole;
        let product = self.corners(other, |a, b| if a == 0.0 || b == 0.0 { 0.0 } else { a * b }, whole);
        // Products of fractions can come down to 0.
        Self { not_zero: whole && self.excludes_zero() && other.excludes_zero(), ..product }
    }

    /// Quotients by numbers other than 0: of whole numbers they are rounded towards 0.
    pub(crate) fn divide(&self, other: &Self) -> Self {
        let apart = other.min > 0.0 || other.max < 0.0;
        // A whole divisor is at least 1 away from 0, and makes nothing larger.
        let (min, max) = match (apart, other.whole) {
            (true, _) => {
                let quotient = self.corners(other, |a, b| if a == 0.0 { 0.0 } else { a / b }, false);
                (quotient.min.floor(), quotient.max.ceil())
            }
            (false, true) => {
                let largest = self.min.abs().max(self.max.abs()).next_up().ceil();
                (-largest, largest)
            }
            (false, false) => (f64::NEG_INFINITY, f64::INFINITY),
        };
        Self { min, max, whole: false, not_zero: false }
    }

    /// What is left over by division.
    pub(crate) fn remainder(&self, other: &Self) -> Self {
        let largest = other.min.abs().max(other.max.abs());
        let min = if self.min >= 0.0 { 0.0 } else { (-largest).max(self.min) };
        let max = if self.max <= 0.0 { 0.0 } else { largest.min(self.max) };
        Self { min, max, whole: self.whole && other.whole, not_zero: false }
    }

    /// Without their fractions.
    pub(crate) fn truncated(&self) -> Self {
        let not_zero = self.whole && self.excludes_zero();
        Self { min: self.min.trunc(), max: self.max.trunc(), whole: true, not_zero }
    }

    pub(crate) fn negate(&self) -> Self {
        Self { min: -self.max, max: -self.min, ..*self }
    }

    /// The range of a calculation; its bounds are rounded outwards.
    fn between(min: f64, max: f64, whole: bool) -> Self {
        let exact = |bound: f64| whole && bound.abs() < EXACT;
        let not_a_number = |bound: f64, instead: f64| if bound.is_nan() { instead } else { bound };
        let min = not_a_number(if exact(min) { min } else { min.next_down() }, f64::NEG_INFINITY);
        let max = not_a_number(if exact(max) { max } else { max.next_up() }, f64::INFINITY);
        Self { min, max, whole, not_zero: min > 0.0 || max < 0.0 }
    }

    fn corners(&self, other: &Self, calculate: impl Fn(f64, f64) -> f64, whole: bool) -> Self {
        let pairs =
            [(self.min, other.min), (self.min, other.max), (self.max, other.min), (self.max, other.max)];
        // Infinite by infinite is not a number; then nothing is known.
        let results = pairs.map(|(a, b)| calculate(a, b));
        if results.iter().any(|result| result.is_nan()) {
            return Self { whole, ..Self::ANY };
        }
        let least = results.iter().copied().fold(f64::INFINITY, f64::min);
        let greatest = results.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Self::between(least, greatest, whole)
    }

    #[cfg(test)]
    pub(crate) fn admits(&self, number: &Json) -> bool {
        let Some(value) = number.as_f64() else { return false };
        (self.min..=self.max).contains(&value)
            && (!self.whole || value.fract() == 0.0)
            && (!self.not_zero || value != 0.0)
    }
}

/// The two ways of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Less,
    Greater,
}
