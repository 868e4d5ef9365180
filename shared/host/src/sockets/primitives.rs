//! The primitives of module `SocketPlugin`. Operands are counted from 0 after the receiver, which
//! none of them reads.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::Range;

use imprint_heap::Heap;
use imprint_model::Oop;
use imprint_vm::primitives::arguments::{
    argument, boolean, bytes, bytes_object, check_writable, count, new_array, new_byte_array,
    new_text, small_integer, text,
};
use imprint_vm::{Args, Failure, Primitive, PrimitiveError, Vm};
use rustix::net::AddressFamily;

use super::{Network, Semaphores, Socket, Status, options, resolver};

/// Name and function of each primitive.
pub const PRIMITIVES: &[(&str, Primitive)] = &[
    ("primitiveInitializeNetwork", initialize_network),
    ("primitiveResolverAbortLookup", abort_lookup),
    (
        "primitiveResolverAddressLookupResult",
        address_lookup_result,
    ),
    ("primitiveResolverError", resolver_error),
    ("primitiveResolverHostNameResult", host_name_result),
    ("primitiveResolverHostNameSize", host_name_size),
    ("primitiveResolverLocalAddress", resolver_local_address),
    ("primitiveResolverNameLookupResult", name_lookup_result),
    ("primitiveResolverStartAddressLookup", start_address_lookup),
    ("primitiveResolverStartNameLookup", start_name_lookup),
    ("primitiveResolverStatus", resolver_status),
    ("primitiveSocketAbortConnection", abort),
    ("primitiveSocketAccept", accept),
    (
        "primitiveSocketAccept3Semaphores",
        accept_with_three_semaphores,
    ),
    ("primitiveSocketBindToPort", bind_to_port),
    ("primitiveSocketCloseConnection", close),
    ("primitiveSocketConnectToPort", connect_to_port),
    ("primitiveSocketConnectionStatus", connection_status),
    ("primitiveSocketCreate", create),
    (
        "primitiveSocketCreate3Semaphores",
        create_with_three_semaphores,
    ),
    ("primitiveSocketDestroy", destroy),
    ("primitiveSocketError", error),
    ("primitiveSocketGetOptions", get_option),
    ("primitiveSocketListenOnPort", listen_on_port),
    (
        "primitiveSocketListenOnPortBacklog",
        listen_on_port_with_backlog,
    ),
    (
        "primitiveSocketListenOnPortBacklogInterface",
        listen_on_interface,
    ),
    ("primitiveSocketListenWithBacklog", listen_with_backlog),
    (
        "primitiveSocketListenWithOrWithoutBacklog",
        listen_with_or_without_backlog,
    ),
    ("primitiveSocketLocalAddress", local_address),
    ("primitiveSocketLocalPort", local_port),
    (
        "primitiveSocketReceiveDataAvailable",
        receive_data_available,
    ),
    ("primitiveSocketReceiveDataBufCount", receive_data),
    ("primitiveSocketReceiveUDPDataBufCount", receive_datagram),
    ("primitiveSocketRemoteAddress", remote_address),
    ("primitiveSocketRemotePort", remote_port),
    ("primitiveSocketSendDataBufCount", send_data),
    ("primitiveSocketSendDone", send_done),
    ("primitiveSocketSendUDPDataBufCount", send_datagram),
    ("primitiveSocketSetOptions", set_option),
];

fn refused<T>(_: rustix::io::Errno) -> Result<T, Failure> {
    Err(PrimitiveError::Generic.into())
}

fn network(vm: &mut Vm) -> Result<&mut Network, Failure> {
    vm.extensions
        .get_mut::<Network>()
        .ok_or(PrimitiveError::Unsupported.into())
}

/// The socket that the first argument names.
fn socket(vm: &mut Vm, args: Args) -> Result<&mut Socket, Failure> {
    let handle = bytes(vm, args, 0)?.to_vec();
    network(vm)?
        .sockets
        .get_mut(&handle)
        .ok_or(PrimitiveError::BadArgument.into())
}

fn receiver(vm: &Vm, args: Args) -> Result<Oop, Failure> {
    Ok(args.receiver(vm))
}

/// An external semaphore's index.
fn semaphore(vm: &Vm, args: Args, index: usize) -> Result<usize, Failure> {
    usize::try_from(small_integer(vm, args, index)?).map_err(|_| PrimitiveError::BadArgument.into())
}

fn three_semaphores(vm: &Vm, args: Args, first: usize) -> Result<Semaphores, Failure> {
    Ok(Semaphores {
        connection: semaphore(vm, args, first)?,
        read: semaphore(vm, args, first + 1)?,
        write: semaphore(vm, args, first + 2)?,
    })
}

fn one_semaphore(vm: &Vm, args: Args, index: usize) -> Result<Semaphores, Failure> {
    let semaphore = semaphore(vm, args, index)?;
    Ok(Semaphores {
        connection: semaphore,
        read: semaphore,
        write: semaphore,
    })
}

fn port(vm: &Vm, args: Args, index: usize) -> Result<u16, Failure> {
    u16::try_from(small_integer(vm, args, index)?).map_err(|_| PrimitiveError::BadArgument.into())
}

/// Four bytes of IPv4, or sixteen of IPv6.
fn address(vm: &Vm, args: Args, index: usize) -> Result<IpAddr, Failure> {
    let bytes = bytes(vm, args, index)?;
    if let Ok(octets) = <[u8; 4]>::try_from(bytes) {
        return Ok(octets.into());
    }
    let octets = <[u8; 16]>::try_from(bytes).map_err(|_| PrimitiveError::BadArgument)?;
    Ok(octets.into())
}

fn new_address(vm: &mut Vm, address: IpAddr) -> Result<Oop, Failure> {
    match address {
        IpAddr::V4(address) => new_byte_array(vm, &address.octets()),
        IpAddr::V6(address) => new_byte_array(vm, &address.octets()),
    }
}

fn backlog(vm: &Vm, args: Args, index: usize) -> Result<i32, Failure> {
    i32::try_from(small_integer(vm, args, index)?).map_err(|_| PrimitiveError::BadArgument.into())
}

// === the module and its resolver ===

fn initialize_network(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let semaphore = semaphore(vm, args, 0)?;
    network(vm)?.resolver.initialize(semaphore);
    receiver(vm, args)
}

fn start_name_lookup(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let name = text(vm, args, 0)?;
    if !network(vm)?.resolver.start(&name) {
        return Err(PrimitiveError::LimitExceeded.into());
    }
    receiver(vm, args)
}

fn abort_lookup(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    network(vm)?.resolver.abort();
    receiver(vm, args)
}

fn resolver_status(vm: &mut Vm, _: Args) -> Result<Oop, Failure> {
    Ok(Oop::small(i32::from(network(vm)?.resolver.status() as u8)))
}

fn resolver_error(_: &mut Vm, _: Args) -> Result<Oop, Failure> {
    Ok(Oop::small(0))
}

/// A ByteArray of four or, of IPv6, sixteen; nil where nothing was found.
fn name_lookup_result(vm: &mut Vm, _: Args) -> Result<Oop, Failure> {
    match network(vm)?.resolver.address() {
        Some(address) => new_address(vm, address),
        None => Ok(vm.heap.nil()),
    }
}

fn start_address_lookup(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let address = address(vm, args, 0)?;
    if !network(vm)?.resolver.start_from_address(address) {
        return Err(PrimitiveError::LimitExceeded.into());
    }
    receiver(vm, args)
}

/// A String, or nil where nothing was found.
fn address_lookup_result(vm: &mut Vm, _: Args) -> Result<Oop, Failure> {
    let name = network(vm)?.resolver.name().map(str::to_string);
    match name {
        Some(name) => new_text(vm, &name),
        None => Ok(vm.heap.nil()),
    }
}

fn resolver_local_address(vm: &mut Vm, _: Args) -> Result<Oop, Failure> {
    new_byte_array(vm, &Ipv4Addr::LOCALHOST.octets())
}

fn host_name_size(_: &mut Vm, _: Args) -> Result<Oop, Failure> {
    Ok(Oop::index(resolver::host_name().len()))
}

/// Fills the string that the image made for it.
fn host_name_result(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let string = bytes_object(vm, args, 0)?;
    let name = resolver::host_name();
    if vm.heap.bytes(string).len() < name.len() {
        return Err(PrimitiveError::BadArgument.into());
    }
    check_writable(vm, string)?;
    vm.heap.bytes_mut(string)[..name.len()].copy_from_slice(name.as_bytes());
    receiver(vm, args)
}

// === making sockets ===

fn create(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let semaphores = one_semaphore(vm, args, 4)?;
    create_socket(vm, args, semaphores)
}

fn create_with_three_semaphores(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let semaphores = three_semaphores(vm, args, 4)?;
    create_socket(vm, args, semaphores)
}

/// Network 0 or 2 is IPv4, 3 is IPv6, type 0 is TCP, 1 is UDP; there are no others here. Buffer sizes
/// are the system's.
fn create_socket(vm: &mut Vm, args: Args, semaphores: Semaphores) -> Result<Oop, Failure> {
    let family = small_integer(vm, args, 0)?;
    let kind = small_integer(vm, args, 1)?;
    check_buffer_sizes(vm, args, 2)?;
    let open = match kind {
        0 => Socket::new,
        1 => Socket::for_datagrams,
        _ => return Err(PrimitiveError::Unsupported.into()),
    };
    let family = match family {
        0 | 2 => AddressFamily::INET,
        3 => AddressFamily::INET6,
        _ => return Err(PrimitiveError::Unsupported.into()),
    };
    let handle = new_handle(vm)?;
    let network = network(vm)?;
    let socket = open(family, &network.reactor, semaphores).or_else(refused)?;
    network.sockets.insert(socket);
    Ok(handle)
}

/// Two sizes, for what comes and what goes, are asked for and not taken.
fn check_buffer_sizes(vm: &Vm, args: Args, first: usize) -> Result<(), Failure> {
    count(vm, args, first)?;
    count(vm, args, first + 1)?;
    Ok(())
}

/// The handle that the next socket gets.
fn new_handle(vm: &mut Vm) -> Result<Oop, Failure> {
    let handle = network(vm)?.sockets.next_handle();
    new_byte_array(vm, &handle)
}

fn accept(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let semaphores = one_semaphore(vm, args, 3)?;
    accept_connection(vm, args, semaphores)
}

fn accept_with_three_semaphores(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let semaphores = three_semaphores(vm, args, 3)?;
    accept_connection(vm, args, semaphores)
}

fn accept_connection(vm: &mut Vm, args: Args, semaphores: Semaphores) -> Result<Oop, Failure> {
    socket(vm, args)?;
    check_buffer_sizes(vm, args, 1)?;
    let handle = new_handle(vm)?;
    let connection = socket(vm, args)?
        .take_connection()
        .ok_or(PrimitiveError::Generic)?;
    let network = network(vm)?;
    let accepted = Socket::accepted(connection, &network.reactor, semaphores);
    network.sockets.insert(accepted);
    Ok(handle)
}

// === connecting and listening ===

fn bind_to_port(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let address = SocketAddr::new(address(vm, args, 1)?, port(vm, args, 2)?);
    socket(vm, args)?.bind(address).or_else(refused)?;
    receiver(vm, args)
}

fn connect_to_port(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let address = SocketAddr::new(address(vm, args, 1)?, port(vm, args, 2)?);
    socket(vm, args)?.connect(address).or_else(refused)?;
    receiver(vm, args)
}

fn listen_with_backlog(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let backlog = backlog(vm, args, 1)?;
    socket(vm, args)?.listen(backlog).or_else(refused)?;
    receiver(vm, args)
}

fn listen_on_port(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let address = every_interface(vm, args, 1)?;
    listen_at(vm, args, address, 1)
}

fn listen_on_port_with_backlog(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let address = every_interface(vm, args, 1)?;
    let backlog = backlog(vm, args, 2)?;
    listen_at(vm, args, address, backlog)
}

/// A port at every interface, of the version that the socket is for.
fn every_interface(vm: &mut Vm, args: Args, index: usize) -> Result<SocketAddr, Failure> {
    let port = port(vm, args, index)?;
    let address = match socket(vm, args)?.is_version_6() {
        true => Ipv6Addr::UNSPECIFIED.into(),
        false => Ipv4Addr::UNSPECIFIED.into(),
    };
    Ok(SocketAddr::new(address, port))
}

fn listen_with_or_without_backlog(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    match args.count() {
        2 => listen_on_port(vm, args),
        _ => listen_on_port_with_backlog(vm, args),
    }
}

fn listen_on_interface(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let address = SocketAddr::new(address(vm, args, 3)?, port(vm, args, 1)?);
    let backlog = backlog(vm, args, 2)?;
    listen_at(vm, args, address, backlog)
}

fn listen_at(vm: &mut Vm, args: Args, address: SocketAddr, backlog: i32) -> Result<Oop, Failure> {
    let socket = socket(vm, args)?;
    socket.bind(address).or_else(refused)?;
    // Who takes datagrams at a port has no more to do.
    if !socket.is_for_datagrams() {
        socket.listen(backlog).or_else(refused)?;
    }
    receiver(vm, args)
}

// === the end ===

fn close(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    socket(vm, args)?.close();
    receiver(vm, args)
}

fn abort(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    socket(vm, args)?.abort();
    receiver(vm, args)
}

fn destroy(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let handle = bytes(vm, args, 0)?.to_vec();
    network(vm)?
        .sockets
        .remove(&handle)
        .ok_or(PrimitiveError::BadArgument)?;
    receiver(vm, args)
}

// === asking ===

/// A handle of another run, or of a socket that was destroyed, is of an invalid socket.
fn connection_status(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let handle = bytes(vm, args, 0)?.to_vec();
    let socket = network(vm)?.sockets.get_mut(&handle);
    let status = socket.map_or(Status::Invalid, Socket::status);
    Ok(Oop::small(i32::from(status as i8)))
}

fn error(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    Ok(Oop::small(socket(vm, args)?.error()))
}

fn local_port(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let address = socket(vm, args)?.local_address();
    Ok(Oop::index(
        address.map_or(0, |address| address.port().into()),
    ))
}

fn remote_port(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let address = socket(vm, args)?.remote_address();
    Ok(Oop::index(
        address.map_or(0, |address| address.port().into()),
    ))
}

fn local_address(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let address = socket(vm, args)?.local_address();
    address_object(vm, address)
}

fn remote_address(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let address = socket(vm, args)?.remote_address();
    address_object(vm, address)
}

/// Four zeros where there is no address.
fn address_object(vm: &mut Vm, address: Option<SocketAddr>) -> Result<Oop, Failure> {
    let nobody = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    new_address(vm, address.map_or(nobody, |address| address.ip()))
}

/// Name to an Array of error number and value.
fn get_option(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let name = text(vm, args, 1)?;
    let value = options::get(socket(vm, args)?.descriptor(), &name).or_else(refused)?;
    new_array(vm, &[Oop::small(0), integer(value)?])
}

/// Name and value, a String of digits or a SmallInteger, to an Array of error number and the value
/// that holds now.
fn set_option(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let name = text(vm, args, 1)?;
    let value = option_value(vm, args)?;
    let answer = new_array(vm, &[Oop::small(0), Oop::small(0)])?;
    let value = options::set(socket(vm, args)?.descriptor(), &name, value).or_else(refused)?;
    vm.heap.store(answer, 1, integer(value)?);
    Ok(answer)
}

fn option_value(vm: &Vm, args: Args) -> Result<i64, Failure> {
    let oop = argument(vm, args, 2)?;
    if let Some(value) = oop.as_small_integer() {
        return Ok(value);
    }
    if let Ok(on) = boolean(vm, args, 2) {
        return Ok(i64::from(on));
    }
    text(vm, args, 2)?
        .parse()
        .map_err(|_| PrimitiveError::BadArgument.into())
}

fn integer(value: i64) -> Result<Oop, Failure> {
    Oop::small_integer(value).ok_or(PrimitiveError::Generic.into())
}

// === data ===

fn receive_data_available(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let has_input = socket(vm, args)?.has_input();
    Ok(vm.heap.boolean(has_input))
}

fn send_done(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let has_room = socket(vm, args)?.has_room();
    Ok(vm.heap.boolean(has_room))
}

/// The buffer in argument 1, and the range of it that the argument at `start_at` (from 1) and the one
/// behind it (a count) mean.
fn buffer_range(vm: &Vm, args: Args, start_at: usize) -> Result<(Oop, Range<usize>), Failure> {
    let buffer = bytes_object(vm, args, 1)?;
    let size = vm.heap.bytes(buffer).len() as i64;
    let start = small_integer(vm, args, start_at)?;
    let count = small_integer(vm, args, start_at + 1)?;
    let is_inside = start >= 1 && count >= 0 && start - 1 <= size && count <= size - (start - 1);
    if !is_inside {
        return Err(PrimitiveError::BadIndex.into());
    }
    let start = start as usize - 1;
    Ok((buffer, start..start + count as usize))
}

/// The socket that the first argument names, beside the heap: one reads or writes the other.
fn socket_and_heap(vm: &mut Vm, args: Args) -> Result<(&mut Socket, &mut Heap), Failure> {
    let handle = bytes(vm, args, 0)?.to_vec();
    let socket = vm
        .extensions
        .get_mut::<Network>()
        .and_then(|network| network.sockets.get_mut(&handle))
        .ok_or(PrimitiveError::BadArgument)?;
    Ok((socket, &mut vm.heap))
}

fn receive_data(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    socket(vm, args)?;
    let (buffer, range) = buffer_range(vm, args, 2)?;
    check_writable(vm, buffer)?;
    let (socket, heap) = socket_and_heap(vm, args)?;
    let count = socket.receive(&mut heap.bytes_mut(buffer)[range]);
    Ok(Oop::index(count))
}

fn send_data(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    socket(vm, args)?;
    let (buffer, range) = buffer_range(vm, args, 2)?;
    let (socket, heap) = socket_and_heap(vm, args)?;
    let count = socket.send(&heap.bytes(buffer)[range]);
    Ok(Oop::index(count))
}

/// The next datagram as an Array: its size in the buffer, whence it came (address and port), and
/// whether it was cut. Where none came, size and port are 0.
fn receive_datagram(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    datagram_socket(vm, args)?;
    let (buffer, range) = buffer_range(vm, args, 2)?;
    check_writable(vm, buffer)?;
    let octets: &[u8] = match socket(vm, args)?.is_version_6() {
        true => &[0; 16],
        false => &[0; 4],
    };
    let address = new_byte_array(vm, octets)?;
    let answer = new_array(vm, &[Oop::small(0), address, Oop::small(0), vm.heap.nil()])?;
    let (socket, heap) = socket_and_heap(vm, args)?;
    let datagram = socket.receive_from(&mut heap.bytes_mut(buffer)[range]);
    if let Some(sender) = datagram.and_then(|datagram| datagram.sender) {
        match sender.ip() {
            IpAddr::V4(ip) => heap.bytes_mut(address).copy_from_slice(&ip.octets()),
            IpAddr::V6(ip) => heap.bytes_mut(address).copy_from_slice(&ip.octets()),
        }
        heap.store(answer, 2, Oop::index(sender.port().into()));
    }
    let count = datagram.map_or(0, |datagram| datagram.count);
    heap.store(answer, 0, Oop::index(count));
    let is_cut = heap.boolean(datagram.is_some_and(|datagram| datagram.is_cut));
    heap.store(answer, 3, is_cut);
    Ok(answer)
}

/// Handle, buffer, address, port, start, count to the count of bytes that went.
fn send_datagram(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    datagram_socket(vm, args)?;
    let receiver = SocketAddr::new(address(vm, args, 2)?, port(vm, args, 3)?);
    let (buffer, range) = buffer_range(vm, args, 4)?;
    let (socket, heap) = socket_and_heap(vm, args)?;
    let count = socket
        .send_to(&heap.bytes(buffer)[range], receiver)
        .or_else(refused)?;
    Ok(Oop::index(count))
}

fn datagram_socket(vm: &mut Vm, args: Args) -> Result<(), Failure> {
    if socket(vm, args)?.is_for_datagrams() {
        return Ok(());
    }
    Err(PrimitiveError::BadArgument.into())
}
