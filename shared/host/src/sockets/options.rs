//! Socket options by the names that C gives them.

use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::sockopt;

/// An option: its name, how it is read and set. Booleans are 0 and 1, times are seconds.
struct SocketOption {
    name: &'static str,
    get: fn(&OwnedFd) -> Result<i64, Errno>,
    set: fn(&OwnedFd, i64) -> Result<(), Errno>,
}

const OPTIONS: &[SocketOption] = &[
    SocketOption {
        name: "TCP_NODELAY",
        get: |socket| sockopt::tcp_nodelay(socket).map(i64::from),
        set: |socket, value| sockopt::set_tcp_nodelay(socket, value != 0),
    },
    SocketOption {
        name: "SO_KEEPALIVE",
        get: |socket| sockopt::socket_keepalive(socket).map(i64::from),
        set: |socket, value| sockopt::set_socket_keepalive(socket, value != 0),
    },
    SocketOption {
        name: "SO_REUSEADDR",
        get: |socket| sockopt::socket_reuseaddr(socket).map(i64::from),
        set: |socket, value| sockopt::set_socket_reuseaddr(socket, value != 0),
    },
    SocketOption {
        name: "SO_REUSEPORT",
        get: |socket| sockopt::socket_reuseport(socket).map(i64::from),
        set: |socket, value| sockopt::set_socket_reuseport(socket, value != 0),
    },
    SocketOption {
        name: "SO_BROADCAST",
        get: |socket| sockopt::socket_broadcast(socket).map(i64::from),
        set: |socket, value| sockopt::set_socket_broadcast(socket, value != 0),
    },
    SocketOption {
        name: "SO_OOBINLINE",
        get: |socket| sockopt::socket_oobinline(socket).map(i64::from),
        set: |socket, value| sockopt::set_socket_oobinline(socket, value != 0),
    },
    SocketOption {
        name: "SO_RCVBUF",
        get: |socket| sockopt::socket_recv_buffer_size(socket).map(size),
        set: |socket, value| sockopt::set_socket_recv_buffer_size(socket, positive(value)?),
    },
    SocketOption {
        name: "SO_SNDBUF",
        get: |socket| sockopt::socket_send_buffer_size(socket).map(size),
        set: |socket, value| sockopt::set_socket_send_buffer_size(socket, positive(value)?),
    },
    SocketOption {
        name: "SO_LINGER",
        get: |socket| sockopt::socket_linger(socket).map(seconds),
        set: |socket, value| {
            let duration = u64::try_from(value).ok().filter(|seconds| *seconds > 0);
            sockopt::set_socket_linger(socket, duration.map(Duration::from_secs))
        },
    },
];

fn size(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn seconds(duration: Option<Duration>) -> i64 {
    duration.map_or(0, |duration| duration.as_secs() as i64)
}

fn positive(value: i64) -> Result<usize, Errno> {
    usize::try_from(value).map_err(|_| Errno::INVAL)
}

fn find(name: &str) -> Result<&'static SocketOption, Errno> {
    OPTIONS
        .iter()
        .find(|option| option.name == name)
        .ok_or(Errno::NOPROTOOPT)
}

/// The value of an option.
///
/// # Errors
/// Where there is no such option, or the system refuses.
pub fn get(socket: &OwnedFd, name: &str) -> Result<i64, Errno> {
    (find(name)?.get)(socket)
}

/// Sets an option and answers the value that holds from now on, which may be another.
///
/// # Errors
/// Where there is no such option, or the system refuses.
pub fn set(socket: &OwnedFd, name: &str, value: i64) -> Result<i64, Errno> {
    let option = find(name)?;
    (option.set)(socket, value)?;
    (option.get)(socket)
}
