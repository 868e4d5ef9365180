//! Names of hosts to addresses, and back: addresses in letters and `localhost` at once, all others by
//! the system's resolver on a thread of their own, since it blocks. Where a name has addresses of
//! both versions, one of IPv4 is answered.
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

/// What a look-up found.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Answer {
    Address(IpAddr),
    Name(String),
}

type Found = Option<Answer>;

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
            self.lookup = Lookup::Done(Some(Answer::Address(address)));
            self.signal();
            return true;
        }
        let name = name.to_string();
        self.start_thread(move || address_of(&name).map(Answer::Address))
    }

    /// Begins the look-up of an address's name; `false` where too many are under way.
    pub fn start_from_address(&mut self, address: IpAddr) -> bool {
        self.start_thread(move || name_of(address).map(Answer::Name))
    }

    fn signal(&self) {
        if let Some(semaphore) = self.semaphore {
            self.reactor.report(Event::Signal(semaphore));
        }
    }

    fn start_thread(&mut self, ask_system: impl FnOnce() -> Found + Send + 'static) -> bool {
        if Arc::strong_count(&self.threads) > LOOKUPS_MAX {
            return false;
        }
        let result = Arc::new(Mutex::new(None));
        let (answer, alive) = (Arc::clone(&result), Arc::clone(&self.threads));
        let waker = self.reactor.waker();
        let semaphore = self.semaphore;
        let body = move || {
            let found = ask_system();
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
        let found = result.lock().unwrap_or_else(PoisonError::into_inner).take();
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

    /// The address that the last look-up found.
    pub fn address(&mut self) -> Option<IpAddr> {
        self.settle();
        match &self.lookup {
            Lookup::Done(Some(Answer::Address(address))) => Some(*address),
            _ => None,
        }
    }

    /// The name that the last look-up found.
    pub fn name(&mut self) -> Option<&str> {
        self.settle();
        match &self.lookup {
            Lookup::Done(Some(Answer::Name(name))) => Some(name),
            _ => None,
        }
    }
}

fn known_address(name: &str) -> Option<IpAddr> {
    if name.eq_ignore_ascii_case("localhost") {
        return Some(Ipv4Addr::LOCALHOST.into());
    }
    name.parse().ok()
}

fn address_of(name: &str) -> Option<IpAddr> {
    let addresses = (name, 0).to_socket_addrs().ok()?;
    let mut addresses: Vec<IpAddr> = addresses.map(|address| address.ip()).collect();
    addresses.sort_by_key(IpAddr::is_ipv6);
    addresses.first().copied()
}

/// The system answers the address in letters where it knows no name.
fn name_of(address: IpAddr) -> Option<String> {
    let name = dns_lookup::lookup_addr(&address).ok()?;
    name.parse::<IpAddr>().is_err().then_some(name)
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
    use std::net::Ipv6Addr;
    use std::time::{Duration, Instant};

    #[test]
    fn dotted_addresses_and_localhost_are_known_at_once() {
        let reactor = Reactor::new().unwrap();
        let mut resolver = Resolver::new(reactor.clone());
        assert_eq!(resolver.status(), ResolverStatus::Uninitialized);
        resolver.initialize(5);
        assert!(resolver.start("10.0.0.4"));
        assert_eq!(resolver.status(), ResolverStatus::Ready);
        assert_eq!(resolver.address(), Some(Ipv4Addr::new(10, 0, 0, 4).into()));
        assert!(resolver.start("LocalHost"));
        assert_eq!(resolver.address(), Some(Ipv4Addr::LOCALHOST.into()));
        assert!(resolver.start("::1"));
        assert_eq!(resolver.address(), Some(Ipv6Addr::LOCALHOST.into()));
        assert_eq!(reactor.poll(), [Event::Signal(5); 3]);
    }

    fn name_found(address: IpAddr) -> Option<String> {
        let reactor = Reactor::new().unwrap();
        let mut resolver = Resolver::new(reactor.clone());
        resolver.initialize(5);
        assert!(resolver.start_from_address(address));
        let deadline = Instant::now() + Duration::from_secs(60);
        assert_eq!(reactor.wait(Some(deadline)), [Event::Signal(5)]);
        assert_eq!(resolver.address(), None);
        let name = resolver.name().map(str::to_string);
        let expected = match name {
            Some(_) => ResolverStatus::Ready,
            None => ResolverStatus::Failed,
        };
        assert_eq!(resolver.status(), expected);
        name
    }

    #[test]
    fn an_address_has_the_name_that_the_system_knows_or_none() {
        let name = name_found(Ipv4Addr::LOCALHOST.into()).unwrap();
        assert!(name.parse::<IpAddr>().is_err(), "{name}");
        // An address for documents: nobody has it.
        let nobody = "2001:db8::1".parse().unwrap();
        assert_eq!(name_found(nobody), None);
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
        assert_eq!(resolver.address(), None);
    }

    #[test]
    fn a_look_up_that_was_given_up_is_forgotten() {
        let mut resolver = Resolver::new(Reactor::new().unwrap());
        resolver.initialize(5);
        assert!(resolver.start("no-such-host.invalid"));
        resolver.abort();
        assert_eq!(resolver.status(), ResolverStatus::Ready);
        assert_eq!(resolver.address(), None);
    }
}
