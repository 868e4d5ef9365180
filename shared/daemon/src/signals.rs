//! SIGTERM and SIGINT as values.
//!
//! A handler is installed for each, so they also reach a daemon that is process 1 of a container,
//! where the kernel's default is to ignore them.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// The wish that the process ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wish {
    /// SIGTERM: end in order.
    Terminate,
    /// SIGINT: the user wants the prompt back.
    Interrupt,
}

/// Where a wish to end arrives; clones hear the same.
#[derive(Clone, Debug)]
pub struct Signals {
    wishes: watch::Receiver<Option<Wish>>,
}

impl Signals {
    /// Begins to listen. Must be called within a runtime that lives as long as the daemon.
    ///
    /// # Errors
    /// Where the operating system refuses the handlers.
    pub fn listen() -> io::Result<Signals> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let (sender, wishes) = watch::channel(None);
        tokio::spawn(async move {
            loop {
                let wish = tokio::select! {
                    Some(()) = terminate.recv() => Wish::Terminate,
                    Some(()) = interrupt.recv() => Wish::Interrupt,
                    else => return,
                };
                sender.send_replace(Some(wish));
            }
        });
        Ok(Signals { wishes })
    }

    /// A wish that comes from elsewhere: an order over the wire, or a test.
    pub fn from_channel(wishes: watch::Receiver<Option<Wish>>) -> Signals {
        Signals { wishes }
    }

    /// The last wish, where there was one.
    pub fn wish(&self) -> Option<Wish> {
        *self.wishes.borrow()
    }

    /// Waits for the next wish, however many there were; where none can come any more, for ever.
    pub async fn next(&mut self) -> Wish {
        if self.wishes.changed().await.is_ok()
            && let Some(wish) = *self.wishes.borrow_and_update()
        {
            return wish;
        }
        std::future::pending().await
    }

    /// Waits for a wish; where none can come any more, for ever.
    pub async fn wished(&mut self) -> Wish {
        let arrived = self
            .wishes
            .wait_for(Option::is_some)
            .await
            .map(|wish| *wish);
        match arrived {
            Ok(Some(wish)) => wish,
            _ => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_signal_arrives_as_a_wish() {
        let mut signals = Signals::listen().unwrap();
        assert_eq!(signals.wish(), None);
        let process = std::process::id().to_string();
        let sent = std::process::Command::new("/bin/kill")
            .args(["-TERM", &process])
            .status();
        assert!(sent.unwrap().success());
        assert_eq!(signals.wished().await, Wish::Terminate);
        assert_eq!(signals.clone().wish(), Some(Wish::Terminate));
    }
}
