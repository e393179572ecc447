//! Which fault a request meets: a function of the plan, its seed and the requests before.

use http::Method;

use super::{Effect, FaultPlan, Point, Rule};
use crate::moment::Moment;
use crate::random::{Dice, fraction, mix};
use crate::route::Endpoint;

/// A plan at work.
#[derive(Debug)]
pub(crate) struct Faults {
    plan: FaultPlan,
    seed: u64,
    counts: Vec<Counts>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    matched: u64,
    fired: u64,
}

/// What rules can ask of a request.
pub(crate) struct Question<'a> {
    /// The how many-eth request of the sandbox it is.
    pub(crate) number: u64,
    pub(crate) method: &'a Method,
    /// Method and template.
    pub(crate) label: &'a str,
    pub(crate) endpoint: Option<Endpoint>,
    pub(crate) page: Option<u64>,
    /// Path and query.
    pub(crate) target: &'a str,
    pub(crate) now: Moment,
    pub(crate) body: &'a [u8],
}

/// A fault that was decided on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fired {
    pub(crate) effect: Option<Effect>,
    pub(crate) delay_ms: u64,
    /// Chooses whatever the effect leaves to chance.
    pub(crate) chance: u64,
}

impl Fired {
    pub(crate) fn name(&self) -> String {
        self.effect.as_ref().map_or_else(|| "delay".to_owned(), Effect::name)
    }
}

impl Faults {
    /// `seed` is used when the plan has none.
    pub(crate) fn new(plan: FaultPlan, seed: u64) -> Self {
        let counts = vec![Counts::default(); plan.rules.len()];
        Self { seed: plan.seed.unwrap_or(seed), plan, counts }
    }

    /// What happens to this request, if anything does.
    pub(crate) fn decide(&mut self, question: &Question<'_>) -> Option<Fired> {
        let chance = mix(mix(self.seed, 0xFA17), question.number);
        for (index, (rule, counts)) in self.plan.rules.iter().zip(&mut self.counts).enumerate() {
            if rule.fires(question, counts, fraction(chance, 1 + index as u64)) {
                return Some(Fired { effect: rule.then.clone(), delay_ms: rule.delay_ms, chance });
            }
        }
        // What media links lead to is not the platform's, and nobody asks for it twice.
        let effect = self.by_rate(chance).filter(|_| question.endpoint != Some(Endpoint::Media))?;
        effect.suits(question.endpoint).then_some(Fired { effect: Some(effect), delay_ms: 0, chance })
    }

    /// One throw against all rates: they add up, and at most one fires.
    fn by_rate(&self, chance: u64) -> Option<Effect> {
        let rate = &self.plan.rate;
        let mut dice = Dice::new(chance, 0, 1);
        let status = |status, retry_after| Effect::Status { status, retry_after, body: None };
        let reset_point = if dice.percent(50) { Point::BeforeHead } else { Point::Anywhere };
        let table = [
            (rate.status_429, status(429, rate.retry_after.clone())),
            (rate.status_500, status(500, Vec::new())),
            (rate.status_503, status(503, Vec::new())),
            (rate.reset, Effect::Reset(reset_point)),
            (rate.cut, Effect::Cut(Point::Anywhere)),
            (rate.drift, Effect::Drift { records: 1 + dice.below(5) }),
        ];
        let mut left = fraction(chance, 0);
        for (share, effect) in table {
            if left < share {
                return Some(effect);
            }
            left -= share;
        }
        None
    }
}

impl Rule {
    /// Whether the rule fires, counting that it was asked.
    fn fires(&self, question: &Question<'_>, counts: &mut Counts, chance: f64) -> bool {
        if !self.is_for(question) {
            return false;
        }
        counts.matched += 1;
        let when = &self.when;
        let fires = counts.matched > when.after
            && when.nth.is_none_or(|nth| counts.matched == nth)
            && when.every.is_none_or(|every| counts.matched.is_multiple_of(every))
            && when.times.is_none_or(|times| counts.fired < times)
            && when.probability.is_none_or(|probability| chance < probability);
        counts.fired += u64::from(fires);
        fires
    }

    fn is_for(&self, question: &Question<'_>) -> bool {
        let when = &self.when;
        when.method.as_ref().is_none_or(|method| question.method.as_str() == method)
            && when
                .path
                .as_ref()
                .is_none_or(|path| question.label.split_once(' ').is_some_and(|(_, p)| p == path))
            && when.page.is_none_or(|page| question.page == Some(page))
            && when.target_contains.as_ref().is_none_or(|text| question.target.contains(text))
            && when.from.is_none_or(|from| from <= question.now)
            && when.until.is_none_or(|until| question.now < until)
            && when.body_contains.as_ref().is_none_or(|text| contains(question.body, text.as_bytes()))
            && self.then.as_ref().is_none_or(|effect| effect.suits(question.endpoint))
    }
}

fn contains(body: &[u8], text: &[u8]) -> bool {
    text.is_empty() || body.windows(text.len()).any(|window| window == text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Rates, When};

    fn ask(faults: &mut Faults, number: u64, page: Option<u64>) -> Option<Fired> {
        let endpoint = if page.is_some() { Endpoint::Details } else { Endpoint::Token };
        let label = if page.is_some() { "POST /details" } else { "POST /oauth/token" };
        let question = Question {
            number,
            method: &Method::POST,
            label,
            endpoint: Some(endpoint),
            page,
            target: "/details?of=it",
            now: Moment::from_nanos(1_000_000_000 * i64::try_from(number).unwrap()),
            body: b"body of it",
        };
        faults.decide(&question)
    }

    fn fired(when: When, then: Effect) -> Vec<u64> {
        let rule = Rule { when, then: Some(then), delay_ms: 0 };
        let mut faults = Faults::new(FaultPlan { rules: vec![rule], ..FaultPlan::default() }, 7);
        // Requests 1, 3, 5, … are for a token; 2, 4, 6, … are for pages 1, 2, 3, …
        (1..=20).filter(|n| ask(&mut faults, *n, n.is_multiple_of(2).then_some(n / 2)).is_some()).collect()
    }

    #[test]
    fn rules_choose_their_requests() {
        let path = || Some("/details".to_owned());
        let at = |seconds| Some(Moment::from_nanos(1_000_000_000 * i64::from(seconds)));
        let table = [
            (When { nth: Some(3), ..When::default() }, vec![3]),
            (When { every: Some(7), ..When::default() }, vec![7, 14]),
            (When { after: 17, ..When::default() }, vec![18, 19, 20]),
            (When { times: Some(2), ..When::default() }, vec![1, 2]),
            (When { page: Some(4), ..When::default() }, vec![8]),
            (When { path: path(), nth: Some(2), ..When::default() }, vec![4]),
            (When { path: path(), every: Some(4), times: Some(1), ..When::default() }, vec![8]),
            (When { method: Some("GET".to_owned()), ..When::default() }, vec![]),
            (When { body_contains: Some("of it".to_owned()), nth: Some(1), ..When::default() }, vec![1]),
            (When { target_contains: Some("?of".to_owned()), nth: Some(1), ..When::default() }, vec![1]),
            (When { target_contains: Some("?off".to_owned()), ..When::default() }, vec![]),
            (When { from: at(5), until: at(7), ..When::default() }, vec![5, 6]),
            (When { body_contains: Some("not".to_owned()), ..When::default() }, vec![]),
            (When { probability: Some(0.0), ..When::default() }, vec![]),
            (When { probability: Some(1.0), times: Some(1), ..When::default() }, vec![1]),
        ];
        for (when, expected) in table {
            assert_eq!(fired(when.clone(), Effect::NotJson), expected, "{when:?}");
        }
        let everything = fired(When::default(), Effect::RepeatToken);
        assert!(everything.iter().all(|number| number.is_multiple_of(2)) && everything.len() == 10);
    }

    #[test]
    fn rates_are_kept_and_equal_seeds_do_the_same() {
        let rate = Rates { status_429: 0.02, status_503: 0.02, reset: 0.02, cut: 0.02, ..Rates::default() };
        let plan = FaultPlan { rate, ..FaultPlan::default() };
        let run = |seed| {
            let mut faults = Faults::new(plan.clone(), seed);
            (0..10_000).map(|n| ask(&mut faults, n, Some(1))).collect::<Vec<_>>()
        };
        let first = run(7);
        assert_eq!(first, run(7));
        assert_ne!(first, run(8));
        for name in ["status_429", "status_503", "reset", "cut"] {
            let count = first.iter().flatten().filter(|fired| fired.name() == name).count();
            assert!((120..280).contains(&count), "{name}: {count} of 10,000");
        }
    }
}
