//! A few items at once, in the order in which they come: the loop of every job over many.

use std::ops::ControlFlow;

use frontdesk_api::Cancel;
use futures_util::stream::{FuturesUnordered, StreamExt as _};

use crate::error::JobError;

/// Begins items in their order, up to `width` at once, and hands what they come to to `end`, in the order in which they
/// end. Nothing new begins after the signal to stop, a failure, or a `Break` of `end`; what is in flight is waited for.
///
/// Whether the signal to stop came before the last item had begun, or ended one (`None`) before anything was done.
///
/// # Errors
/// The first failure, of an item or of the list.
pub(crate) async fn few_at_once<I, T, F>(
    width: usize,
    cancel: &Cancel,
    mut items: impl Iterator<Item = Result<I, JobError>>,
    mut begin: impl FnMut(I) -> F,
    mut end: impl FnMut(T) -> ControlFlow<()>,
) -> Result<bool, JobError>
where
    F: Future<Output = Result<Option<T>, JobError>>,
{
    let mut flight = FuturesUnordered::new();
    let (mut failure, mut interrupted, mut stopped) = (None, false, false);
    loop {
        while failure.is_none() && !interrupted && !stopped && flight.len() < width {
            if cancel.is_cancelled() {
                interrupted = true;
                break;
            }
            match items.next() {
                Some(Ok(item)) => flight.push(begin(item)),
                Some(Err(error)) => failure = Some(error),
                None => break,
            }
        }
        match flight.next().await {
            None => break,
            Some(Ok(Some(done))) => stopped |= end(done).is_break(),
            // The signal came; what was not begun stays for the next run.
            Some(Ok(None)) => interrupted = true,
            Some(Err(error)) => {
                failure.get_or_insert(error);
            }
        }
    }
    failure.map_or(Ok(interrupted), Err)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::io;

    use super::*;

    fn numbers(count: u32) -> impl Iterator<Item = Result<u32, JobError>> {
        (0..count).map(Ok)
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_than_the_width_are_in_flight_and_all_come_to_an_end() {
        let (now, most, mut ended) = (Cell::new(0), Cell::new(0), Vec::new());
        let begin = |number| {
            let (now, most) = (&now, &most);
            async move {
                now.set(now.get() + 1);
                most.set(most.get().max(now.get()));
                tokio::time::sleep(std::time::Duration::from_millis(u64::from(100 - number))).await;
                now.set(now.get() - 1);
                Ok(Some(number))
            }
        };
        let end = |number| {
            ended.push(number);
            ControlFlow::Continue(())
        };
        assert!(!few_at_once(7, &Cancel::never(), numbers(50), begin, end).await.unwrap());
        ended.sort_unstable();
        assert_eq!((most.get(), ended), (7, (0..50).collect()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_break_a_failure_and_the_signal_let_nothing_new_begin() {
        let begun = Cell::new(0);
        let begin = |number| {
            begun.set(begun.get() + 1);
            async move { Ok(Some(number)) }
        };
        let stopped = few_at_once(2, &Cancel::never(), numbers(50), begin, |_| ControlFlow::Break(())).await;
        assert!((!stopped.unwrap()) && begun.get() == 2);

        let broken = numbers(3).chain([Err(JobError::File(io::Error::other("cut")))]).chain(numbers(9));
        let mut ended = 0;
        let end = |_| {
            ended += 1;
            ControlFlow::Continue(())
        };
        let failed =
            few_at_once(2, &Cancel::never(), broken, |number| async move { Ok(Some(number)) }, end).await;
        assert!(failed.is_err() && ended == 3);

        let (stop, cancel) = Cancel::pair();
        let mut ended = 0;
        let end = |_| {
            ended += 1;
            stop.cancel();
            ControlFlow::Continue(())
        };
        let begin = |number: u32| async move {
            tokio::time::sleep(std::time::Duration::from_millis(u64::from(number))).await;
            Ok(Some(number))
        };
        assert!(few_at_once(3, &cancel, numbers(50), begin, end).await.unwrap());
        assert_eq!(ended, 3, "what was in flight came to its end");
    }
}
