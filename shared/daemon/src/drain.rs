//! An orderly end: stop accepting, let what runs finish, but not for ever.

use std::future::Future;
use std::time::Duration;

/// How long what runs may go on after the wish to end, where nobody says otherwise.
pub const GRACE: Duration = Duration::from_secs(10);

/// How a drain ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Drained<T> {
    /// Everything finished; with what it yielded.
    Finished(T),
    /// The grace was over first, and the rest was dropped.
    CutOff,
}

/// Runs `work` until it finishes; once `stop` is done, for at most `grace` more. `work` itself
/// must see that it shall stop, or it is cut off.
pub async fn drain<T>(
    work: impl Future<Output = T>,
    stop: impl Future<Output = ()>,
    grace: Duration,
) -> Drained<T> {
    let limit = async {
        stop.await;
        tokio::time::sleep(grace).await;
    };
    tokio::select! {
        biased;
        done = work => Drained::Finished(done),
        () = limit => Drained::CutOff,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(10);

    #[tokio::test]
    async fn work_that_finishes_is_not_cut_off() {
        let work = async {
            tokio::task::yield_now().await;
            7
        };
        assert_eq!(drain(work, async {}, SHORT).await, Drained::Finished(7));
    }

    #[tokio::test]
    async fn work_without_end_is_cut_off_after_the_grace() {
        let endless = std::future::pending::<()>();
        assert_eq!(drain(endless, async {}, SHORT).await, Drained::CutOff);
    }
}
