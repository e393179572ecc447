//! S16: the recognisers of personal data, one core, beside one plain pass over the same bytes.

use super::super::Row;
use super::ratio;
use crate::cargo;

/// The floor of the targets, in megabytes a second.
const FLOOR: f64 = 20.0;

pub(super) fn measure() -> Result<Vec<Row>, String> {
    let stdout = cargo::output(&["bench", "-q", "-p", "frontdesk-domain", "--bench", "pii"])?;
    let mut rows = Vec::new();
    for line in stdout.lines() {
        let value: serde_json::Value =
            serde_json::from_str(line).map_err(|error| format!("{error}: {line}"))?;
        let number =
            |field: &str| value[field].as_f64().ok_or_else(|| format!("no number {field} in {line}"));
        let (found, pass) = (number("mb_per_second")?, number("plain_pass")?);
        let text = value["text"].as_str().unwrap_or_default();
        let region =
            value["region"].as_str().map_or("no region".to_owned(), |region| format!("region {region}"));
        rows.push(Row {
            id: "S16",
            what: format!("{text}, {region}; a plain pass: {pass:.0} MB/s; floor"),
            ours: format!("{found:.0} MB/s"),
            baseline: format!("{FLOOR:.0} MB/s"),
            ratio: ratio(found, FLOOR),
        });
    }
    Ok(rows)
}
