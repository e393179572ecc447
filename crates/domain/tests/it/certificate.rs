//! What a run can prove, on both sides of each border.

use frontdesk_domain::{Certificate, Missing, RunState, WindowEnd, WindowReport, judge};
use serde::Deserialize;

use crate::snapshot::of_area;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Run {
    state: RunState,
    windows: Vec<Window>,
    missing: Vec<Missing>,
    late: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Window {
    ended: WindowEnd,
    open: bool,
}

fn report(day: u32, ended: WindowEnd, open: bool) -> WindowReport {
    WindowReport {
        from: format!("2025-03-{day:02}T00:00:00Z").parse().unwrap(),
        to: format!("2025-03-{:02}T00:00:00Z", day + 1).parse().unwrap(),
        state: WindowReport::judge(&ended, open),
        pages: 2,
        received: 500,
        unique: 499,
        pages_digest: "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03".to_owned(),
        ended,
        open,
    }
}

fn reports(windows: &[Window]) -> Vec<WindowReport> {
    (1..).zip(windows).map(|(day, window)| report(day, window.ended.clone(), window.open)).collect()
}

#[test]
fn cases() {
    let report = of_area::<Run>("certificate", |case| {
        let windows = reports(&case.body.windows);
        let state = judge(&windows, &case.body.missing, case.body.late);
        assert_eq!(state, case.body.state, "{}", case.name);
        let mut lines = vec![format!("{state}")];
        lines.extend(windows.iter().map(|window| {
            format!(
                "  {}: ended {}, open {}",
                window.state,
                serde_json::to_string(&window.ended).unwrap(),
                window.open
            )
        }));
        lines
    });
    insta::assert_snapshot!(report);
}

/// Every combination of what counts, one of each: the whole rule.
#[test]
fn the_whole_rule() {
    let failed = WindowEnd::Failed { token: Some("p-2".to_owned()), reason: "looping pagination".to_owned() };
    let lost = Missing {
        window_from: "2025-03-01T00:00:00Z".parse().unwrap(),
        window_to: "2025-03-02T00:00:00Z".parse().unwrap(),
        page_token: None,
        reason: "no id".to_owned(),
    };
    for bits in 0..16_u8 {
        let [fails, open, missing, late] = [1, 2, 4, 8].map(|bit| bits & bit != 0);
        let ended = if fails { failed.clone() } else { WindowEnd::Complete };
        let windows = [report(1, WindowEnd::Complete, false), report(2, ended, open)];
        let missing = if missing { std::slice::from_ref(&lost) } else { &[] };
        let expected = match (fails || !missing.is_empty(), open || late) {
            (true, _) => RunState::Incomplete,
            (false, true) => RunState::Provisional,
            (false, false) => RunState::Complete,
        };
        assert_eq!(judge(&windows, missing, u64::from(late)), expected, "{bits:04b}");
        assert_eq!(judge(&windows[1..], missing, u64::from(late)), expected, "{bits:04b}");
    }
}

#[test]
fn a_whole_certificate() {
    let failed = WindowEnd::Failed { token: Some("p-2".to_owned()), reason: "looping pagination".to_owned() };
    let certificate = Certificate {
        run_id: "pull-1".parse().unwrap(),
        organization: Default::default(),
        contract: "gateway".to_owned(),
        origin: "api.example.org".to_owned(),
        from: "2025-03-01T00:00:00Z".parse().unwrap(),
        to: "2025-03-04T00:00:00Z".parse().unwrap(),
        filter: Some("type eq 'voice'".to_owned()),
        page_size: Default::default(),
        look_back_seconds: 259_200,
        started_at: "2025-03-04T01:00:00Z".parse().unwrap(),
        finished_at: "2025-03-04T01:00:09.25Z".parse().unwrap(),
        state: RunState::Incomplete,
        windows: vec![
            report(1, WindowEnd::Complete, false),
            report(2, WindowEnd::Complete, true),
            report(3, failed, true),
        ],
        claimed: None,
        received: 1_500,
        unique: 1_497,
        stored: 1_400,
        versions_added: 7,
        unchanged: 88,
        expired: 1,
        rejected: 1,
        pages: 6,
        requests: 11,
        throttled: 2,
        late: 0,
        transcripts: None,
        missing: vec![Missing {
            window_from: "2025-03-03T00:00:00Z".parse().unwrap(),
            window_to: "2025-03-04T00:00:00Z".parse().unwrap(),
            page_token: Some("p-2".to_owned()),
            reason: "looping pagination".to_owned(),
        }],
    };
    let json = serde_json::to_string_pretty(&certificate).unwrap();
    assert_eq!(serde_json::from_str::<Certificate>(&json).unwrap(), certificate);
    insta::assert_snapshot!(json);
}

#[test]
fn states_are_named_alike_everywhere() {
    for state in [RunState::Complete, RunState::Provisional, RunState::Incomplete] {
        assert_eq!(serde_json::to_string(&state).unwrap(), format!("\"{state}\""));
        assert_eq!(state.to_string(), state.as_str());
    }
}
