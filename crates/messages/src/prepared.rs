//! A line on its way to its turn: checked, and named; and what becomes of one that a rule refuses before anything is asked.

use frontdesk_domain::audit::MessageResult;
use frontdesk_domain::delivery::Receipts;
use frontdesk_domain::outbound::CheckedMessage;
use frontdesk_domain::{Violation, Violations, Why, WhyKind};
use frontdesk_journal::Change;

use crate::courier::Courier;
use crate::error::SendError;
use crate::lines::{Line, Occurrences, Place};
use crate::outcome::{By, Outcome, OutcomeKind, Sent};
use crate::record::{LEDGER, Parties, records};
use crate::turn::{Turn, told};

/// A line with its name in the ledger, before anything is done for it.
pub(crate) struct Prepared {
    pub(crate) number: Option<u64>,
    pub(crate) checked: Result<CheckedMessage, Refusal>,
    /// Where it is in the ledger; for a single message decided when its turn comes.
    pub(crate) key: Option<String>,
}

/// A line that a rule refused before anything was asked.
pub(crate) struct Refusal {
    conversation: Option<String>,
    parties: Parties,
    violations: Violations,
}

impl Prepared {
    /// Checks a line, and names it.
    pub(crate) fn of(line: Line, occurrences: &mut Occurrences) -> Self {
        let Line { number, draft, place } = line;
        let (conversation, parties) = match &draft {
            Ok(draft) => (
                draft.conversation().map(str::to_owned),
                Parties {
                    from: draft.sender().unwrap_or_default().to_owned(),
                    to: draft.recipients().into_iter().map(str::to_owned).collect(),
                },
            ),
            Err(_) => (None, Parties { from: String::new(), to: Vec::new() }),
        };
        let checked = match draft {
            Ok(draft) => draft.check(),
            Err(what) => Err(Violation::new("", "line.json", what).into()),
        };
        let key = match (&place, &checked) {
            (Place::Single, _) => None,
            (Place::Batch { batch, .. }, Ok(checked)) => {
                Some(occurrences.key(batch, &checked.message.digest()))
            }
            // What cannot be sent has no digest; it is named by its own bytes.
            (Place::Batch { batch, line }, Err(_)) => Some(occurrences.key(batch, &format!("line-{line}"))),
        };
        let checked = checked.map_err(|violations| Refusal { conversation, parties, violations });
        Self { number, checked, key }
    }
}

impl Courier {
    /// Records a line that a rule refused, once for the lines of a batch.
    pub(crate) async fn refuse(
        &self,
        prepared: &Prepared,
        refusal: &Refusal,
    ) -> Result<Box<Turn>, SendError> {
        let Refusal { conversation, parties, violations } = refusal;
        let why = Why::new(WhyKind::Refused, told(violations));
        let known = match &prepared.key {
            Some(key) => {
                let key = key.clone();
                self.read(move |reader| reader.item(LEDGER, &key)).await?.is_some()
            }
            None => false,
        };
        if !known {
            let change = Change::new().run(self.run.clone());
            let mut change = records(change, self.now(), None, parties, MessageResult::Refused, None);
            if let Some(key) = &prepared.key {
                change = change.item(LEDGER, key.as_str(), OutcomeKind::Refused.as_str(), &why)?;
            }
            self.record(change).await?;
        }
        let sent = Sent {
            line: prepared.number,
            conversation: conversation.clone(),
            client_id: None,
            message_id: None,
            outcome: Outcome::Refused(why),
            violations: Some(violations.clone()),
            findings: Vec::new(),
            delivery: None,
            receipts: Receipts::default(),
            sla: None,
            latency_ms: 0,
            by: if known { By::Other } else { By::This },
        };
        Ok(Box::new(Turn { sent, open: None }))
    }
}
