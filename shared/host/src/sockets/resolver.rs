//! Names of hosts to addresses: dotted addresses and `localhost` at once, all others by the
//! system's resolver on a thread of their own, since it blocks.
//!
//! One look-up at a time, as the module's interface has it. A look-up that was given up runs on
//! until the system answers; so threads have a limit.

use std::net::{IpAddr, Ipv4Addr, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use imprint_vm::Event;

use crate::reactor::Reactor;

/// Most look-ups that may be under way, given up or not.
const LOOKUPS_MAX: usize = 8;
/// The longest name of a host.
const NAME_BYTES_MAX: usize = 255;

/// What an image is told about the resolver; the numbers are the module's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum ResolverStatus {
    /// Nothing was set up.
    Uninitialized = 0,
    /// The last look-up found something, or there was none.
    Ready = 1,
    /// A look-up is under way.
    Busy = 2,
    /// The last look-up found nothing.
    Failed = 3,
}

/// The resolver of one machine.
pub struct Resolver {
    reactor: Reactor,
    semaphore: Option<usize>,
    lookup: Lookup,
    /// One reference more than there are threads.
    threads: Arc<()>,
}

enum Lookup {
    None,
    Pending(Arc<Mutex<Option<Found>>>),
    Done(Found),
}

type Found = Option<Ipv4Addr>;

impl Resolver {
    /// A resolver that was not set up.
    pub fn new(reactor: Reactor) -> Resolver {
        Resolver {
            reactor,
            semaphore: None,
            lookup: Lookup::None,
            threads: Arc::new(()),
        }
    }

    /// Names the semaphore that is signalled when a look-up ends.
    pub fn initialize(&mut self, semaphore: usize) {
        self.semaphore = Some(semaphore);
    }

    /// Begins a look-up; `false` where too many are under way or the name can be none.
    pub fn start(&mut self, name: &str) -> bool {
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            return false;
        }
        if let Some(address) = known_address(name) {
            self.lookup = Lookup::Done(Some(address));
            self.signal();
            return true;
        }
        if Arc::strong_count(&self.threads) > LOOKUPS_MAX {
            return false;
        }
        self.start_thread(name.to_string())
    }

    fn signal(&self) {
        if let Some(semaphore) = self.semaphore {
            self.reactor.report(Event::Signal(semaphore));
        }
    }

    fn start_thread(&mut self, name: String) -> bool {
        let result = Arc::new(Mutex::new(None));
        let (answer, alive) = (Arc::clone(&result), Arc::clone(&self.threads));
        let waker = self.reactor.waker();
        let semaphore = self.semaphore;
        let body = move || {
            let found = ask_system(&name);
            *answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
            if let Some(semaphore) = semaphore {
                // Where the queue is full the image's own time limit ends its wait.
                let _ = waker.push(Event::Signal(semaphore));
            }
            drop(alive);
        };
        let thread = thread::Builder::new().name("resolver".to_string());
        let started = thread.spawn(body).is_ok();
        if started {
            self.lookup = Lookup::Pending(result);
        }
        started
    }

    /// Forgets the look-up that is under way.
    pub fn abort(&mut self) {
        self.lookup = Lookup::None;
    }

    fn settle(&mut self) {
        let Lookup::Pending(result) = &self.lookup else {
            return;
        };
        let found = *result.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = found {
            self.lookup = Lookup::Done(found);
        }
    }

    /// What there is to tell.
    pub fn status(&mut self) -> ResolverStatus {
        self.settle();
        match self.lookup {
            _ if self.semaphore.is_none() => ResolverStatus::Uninitialized,
            Lookup::Pending(_) => ResolverStatus::Busy,
            Lookup::Done(None) => ResolverStatus::Failed,
            Lookup::Done(Some(_)) | Lookup::None => ResolverStatus::Ready,
        }
    }

    /// What the last look-up found.
    pub fn result(&mut self) -> Option<Ipv4Addr> {
        self.settle();
        match self.lookup {
            Lookup::Done(found) => found,
            _ => None,
        }
    }
}

fn known_address(name: &str) -> Option<Ipv4Addr> {
    if name.eq_ignore_ascii_case("localhost") {
        return Some(Ipv4Addr::LOCALHOST);
    }
    name.parse().ok()
}

fn ask_system(name: &str) -> Found {
    let addresses = (name, 0).to_socket_addrs().ok()?;
    addresses
        .map(|address| address.ip())
        .find_map(|address| match address {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(_) => None,
        })
}

/// The name of this host.
pub fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map(|name| name.trim_end().to_string())
        .unwrap_or_else(|_| "localhost".to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[test]
    fn dotted_addresses_and_localhost_are_known_at_once() {
        let reactor = Reactor::new().unwrap();
        let mut resolver = Resolver::new(reactor.clone());
        assert_eq!(resolver.status(), ResolverStatus::Uninitialized);
        resolver.initialize(5);
        assert!(resolver.start("10.0.0.4"));
        assert_eq!(resolver.status(), ResolverStatus::Ready);
        assert_eq!(resolver.result(), Some(Ipv4Addr::new(10, 0, 0, 4)));
        assert!(resolver.start("LocalHost"));
        assert_eq!(resolver.result(), Some(Ipv4Addr::LOCALHOST));
        assert_eq!(reactor.poll(), [Event::Signal(5), Event::Signal(5)]);
    }

    #[test]
    fn what_can_be_no_name_is_refused() {
        let mut resolver = Resolver::new(Reactor::new().unwrap());
        assert!(!resolver.start(""));
        assert!(!resolver.start(&"a".repeat(256)));
    }

    #[test]
    fn an_unknown_name_fails_and_signals() {
        let reactor = Reactor::new().unwrap();
        let mut resolver = Resolver::new(reactor.clone());
        resolver.initialize(5);
        assert!(resolver.start("no-such-host.invalid"));
        let deadline = Instant::now() + Duration::from_secs(60);
        assert_eq!(reactor.wait(Some(deadline)), [Event::Signal(5)]);
        assert_eq!(resolver.status(), ResolverStatus::Failed);
        assert_eq!(resolver.result(), None);
    }

    #[test]
    fn a_look_up_that_was_given_up_is_forgotten() {
        let mut resolver = Resolver::new(Reactor::new().unwrap());
        resolver.initialize(5);
        assert!(resolver.start("no-such-host.invalid"));
        resolver.abort();
        assert_eq!(resolver.status(), ResolverStatus::Ready);
        assert_eq!(resolver.result(), None);
    }
}
