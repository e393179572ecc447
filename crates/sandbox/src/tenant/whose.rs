//! Which conversation a message belongs to, found from its id alone.

use super::{Changes, Draft, Source, Tenant};

impl Tenant {
    /// The number of the conversation that has a message with this id: 32 hex digits, `written` from the
    /// message's own id. Messages that were sent are not looked for.
    pub(crate) fn number_of_message(
        &self,
        id: &str,
        changes: &Changes,
        written: fn(&str) -> String,
    ) -> Option<u64> {
        let uuid = uuid::Uuid::try_parse(id).ok()?;
        let mut draft = Draft::default();
        let mut has = |number: u64| {
            self.draw(number, changes.of(number).revisions, &mut draft);
            draft.said().any(|said| std::str::from_utf8(said.id).is_ok_and(|own| written(own) == id))
        };
        let candidates = match &self.source {
            Source::Made(made) => made.numbers_of_message(uuid),
            Source::Corpus(corpus) => corpus.numbers_of_message(uuid, written),
        };
        candidates
            .into_iter()
            .find(|number| has(*number))
            .or_else(|| changes.revised().find(|number| has(*number)))
    }
}
