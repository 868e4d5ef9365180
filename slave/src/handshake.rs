//! How a slave begins with a master, and begins again where the stream broke.

use std::time::{Duration, Instant};

use anyhow::Result;
use imprint_wire::message::{Hello, MasterMessage, OfferedClass, Welcome};
use imprint_wire::{Connection, Credentials, SlaveMessage, WireError};

use crate::security::credentials;
use crate::seed::{Seed, SeedChoice};

/// Between two attempts to greet.
const BREATH: Duration = Duration::from_millis(50);
/// A master that accepts a stream says welcome within this.
const GREETING: Duration = Duration::from_secs(10);

/// With whom a run pulls, and how.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Where the master is.
    pub master: String,
    /// How long a lost master is waited for.
    pub patience: Duration,
    /// After how long a silence a question is asked again.
    pub silence: Duration,
    /// Bytes of drafts that an answer may bring beyond what was asked for.
    pub prefetch_bytes: u64,
    /// What the run starts from.
    pub seed: SeedChoice,
}

/// What is said at the beginning of each stream of a run.
pub(crate) struct Greeting {
    pub url: String,
    credentials: Credentials,
    patience: Duration,
    /// After how long a silence a question is asked again, on a new stream.
    pub silence: Duration,
    hello: Hello,
    /// What was offered of the seed at first: each stream's master is to know what need not be sent.
    pub offers: Vec<Vec<OfferedClass>>,
}

impl Greeting {
    /// Of a slave that starts from this seed, where it was opened already.
    ///
    /// # Errors
    /// Where the keys of this process cannot be read.
    pub fn new(terms: &Terms, seed: Option<&Seed>) -> Result<Greeting> {
        Ok(Greeting {
            url: terms.master.clone(),
            credentials: credentials()?,
            patience: terms.patience,
            silence: terms.silence,
            hello: Hello {
                prefetch_bytes: terms.prefetch_bytes,
                seed: terms.seed.on_wire(seed),
                locale: imprint_host::locale::name(),
                time_zone: imprint_host::timezone::name(),
                ..Hello::empty(env!("CARGO_PKG_VERSION"))
            },
            offers: Vec::new(),
        })
    }

    /// From now on a stream is for the run with this image.
    pub fn go_on_with(&mut self, image: [u8; 32]) {
        self.hello.image_fingerprint = Some(image);
    }

    /// Connects and says it. A stream that breaks meanwhile, as one of a master that was just killed does,
    /// is tried again like one that nobody accepts.
    ///
    /// # Errors
    /// Where nobody answers within the patience, or the master refuses this slave.
    pub fn say(&self) -> Result<(Connection, Welcome), WireError> {
        let end = Instant::now() + self.patience;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.say_once(left) {
                Err(error) if error.is_of_peer() && Instant::now() < end => {
                    std::thread::sleep(BREATH);
                }
                other => return other,
            }
        }
    }

    fn say_once(&self, patience: Duration) -> Result<(Connection, Welcome), WireError> {
        let deadline = Instant::now() + patience.max(GREETING);
        let mut connection =
            Connection::connect_retrying(&self.url, &self.credentials, patience, |_, _| {})?;
        let welcome = connection.greet(self.hello.clone(), Some(deadline))?;
        for (sequence, classes) in (1..).zip(&self.offers) {
            connection.send(SlaveMessage::Offer {
                sequence,
                classes: classes.clone(),
            })?;
            if let MasterMessage::Refused { reason, .. } = connection.receive(Some(deadline))? {
                return Err(WireError::Refused(reason));
            }
        }
        Ok((connection, welcome))
    }
}
