//! Module SocketPlugin, through its primitives, over the loopback interface.

mod version_6;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};

use imprint_model::Oop;
use imprint_vm::PrimitiveError::{BadArgument, BadIndex, Generic, NoModification, Unsupported};

use crate::testing::World;

const MODULE: &str = "SocketPlugin";

fn i(value: i32) -> Oop {
    Oop::small(value)
}

/// The semaphores of the n-th socket of a test: connection, read, write.
fn semaphores(number: i32) -> [Oop; 3] {
    [i(number * 10), i(number * 10 + 1), i(number * 10 + 2)]
}

fn call(world: &mut World, name: &str, arguments: &[Oop]) -> Oop {
    world.call(MODULE, name, arguments).unwrap()
}

fn create(world: &mut World, number: i32) -> Oop {
    let [connection, read, write] = semaphores(number);
    let arguments = [i(0), i(0), i(8000), i(8000), connection, read, write];
    call(world, "primitiveSocketCreate3Semaphores", &arguments)
}

fn status(world: &mut World, socket: Oop) -> i64 {
    call(world, "primitiveSocketConnectionStatus", &[socket])
        .as_small_integer()
        .unwrap()
}

/// A socket that listens on a port of the system's choice, and the port.
fn listener(world: &mut World, number: i32, backlog: i32) -> (Oop, u16) {
    let socket = create(world, number);
    let address = world.bytes(&[127, 0, 0, 1]);
    call(world, "primitiveSocketBindToPort", &[socket, address, i(0)]);
    call(
        world,
        "primitiveSocketListenWithBacklog",
        &[socket, i(backlog)],
    );
    let port = call(world, "primitiveSocketLocalPort", &[socket]);
    (socket, port.as_small_integer().unwrap() as u16)
}

fn accept(world: &mut World, listener: Oop, number: i32) -> Oop {
    let [connection, read, write] = semaphores(number);
    let arguments = [listener, i(8000), i(8000), connection, read, write];
    call(world, "primitiveSocketAccept3Semaphores", &arguments)
}

/// A connection of the world's, and the other end of it.
fn pair(world: &mut World) -> (Oop, TcpStream) {
    let (listener, port) = listener(world, 1, 5);
    let other = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    while status(world, listener) != 2 {
        world.await_signal(10);
    }
    (accept(world, listener, 2), other)
}

fn send(world: &mut World, socket: Oop, text: &str) -> Oop {
    let buffer = world.string(text);
    let arguments = [socket, buffer, i(1), Oop::index(text.len())];
    call(world, "primitiveSocketSendDataBufCount", &arguments)
}

/// Waits until there is input or the end, then reads.
fn receive(world: &mut World, socket: Oop, number: i32) -> Vec<u8> {
    let yes = world.boolean(true);
    while call(world, "primitiveSocketReceiveDataAvailable", &[socket]) != yes {
        if status(world, socket) != 2 {
            return Vec::new();
        }
        world.await_signal(number as usize * 10 + 1);
    }
    let buffer = world.bytes(&[0; 100]);
    let arguments = [socket, buffer, i(1), i(100)];
    let count = call(world, "primitiveSocketReceiveDataBufCount", &arguments);
    let count = count.as_small_integer().unwrap() as usize;
    world.contents(buffer)[..count].to_vec()
}

#[test]
fn a_listener_serves_one_connection_after_another() {
    let mut world = World::new();
    let (listener, port) = listener(&mut world, 1, 5);
    assert_eq!(status(&mut world, listener), 1);
    for number in 2..5 {
        let mut other = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        while status(&mut world, listener) != 2 {
            world.await_signal(10);
        }
        let socket = accept(&mut world, listener, number);
        assert_eq!(status(&mut world, socket), 2);
        other.write_all(b"ping").unwrap();
        assert_eq!(receive(&mut world, socket, number), b"ping");
        assert_eq!(send(&mut world, socket, "pong"), i(4));
        let mut answer = [0; 4];
        other.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"pong");
        call(&mut world, "primitiveSocketCloseConnection", &[socket]);
        assert_eq!(other.read(&mut answer).unwrap(), 0);
        call(&mut world, "primitiveSocketDestroy", &[socket]);
        assert_eq!(status(&mut world, socket), -1);
    }
    assert_eq!(status(&mut world, listener), 1);
}

#[test]
fn a_listener_for_one_becomes_the_connection() {
    let mut world = World::new();
    let (socket, port) = listener(&mut world, 1, 1);
    let mut other = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    while status(&mut world, socket) != 2 {
        world.await_signal(10);
    }
    other.write_all(b"hello").unwrap();
    assert_eq!(receive(&mut world, socket, 1), b"hello");
}

#[test]
fn a_client_connects_and_talks() {
    let mut world = World::new();
    let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = server.local_addr().unwrap().port();
    let socket = create(&mut world, 1);
    assert_eq!(status(&mut world, socket), 0);
    let address = world.bytes(&[127, 0, 0, 1]);
    let arguments = [socket, address, i(i32::from(port))];
    call(&mut world, "primitiveSocketConnectToPort", &arguments);
    while status(&mut world, socket) == 1 {
        world.await_signal(10);
    }
    assert_eq!(status(&mut world, socket), 2);
    let (mut other, _) = server.accept().unwrap();
    assert_eq!(
        call(&mut world, "primitiveSocketSendDone", &[socket]),
        world.boolean(true)
    );
    send(&mut world, socket, "GET");
    let mut bytes = [0; 3];
    other.read_exact(&mut bytes).unwrap();
    assert_eq!(&bytes, b"GET");
    let remote = call(&mut world, "primitiveSocketRemotePort", &[socket]);
    assert_eq!(remote, i(i32::from(port)));
    let remote = call(&mut world, "primitiveSocketRemoteAddress", &[socket]);
    assert_eq!(world.contents(remote), [127, 0, 0, 1]);
}

#[test]
fn a_refused_connection_says_why() {
    let mut world = World::new();
    let port = {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        server.local_addr().unwrap().port()
    };
    let socket = create(&mut world, 1);
    let address = world.bytes(&[127, 0, 0, 1]);
    let arguments = [socket, address, i(i32::from(port))];
    // The system may say so at once.
    let _ = world.call(MODULE, "primitiveSocketConnectToPort", &arguments);
    while status(&mut world, socket) == 1 {
        world.await_signal(10);
    }
    assert_eq!(status(&mut world, socket), 0);
    let refused = rustix::io::Errno::CONNREFUSED.raw_os_error();
    assert_eq!(
        call(&mut world, "primitiveSocketError", &[socket]),
        i(refused)
    );
}

#[test]
fn input_before_the_end_is_read_first() {
    let mut world = World::new();
    let (socket, mut other) = pair(&mut world);
    other.write_all(b"last words").unwrap();
    drop(other);
    assert_eq!(receive(&mut world, socket, 2), b"last words");
    assert_eq!(receive(&mut world, socket, 2), b"");
    assert_eq!(status(&mut world, socket), 3);
    assert_eq!(
        send(&mut world, socket, "anybody?")
            .as_small_integer()
            .map(|n| n >= 0),
        Some(true)
    );
}

#[test]
fn the_end_of_the_other_side_wakes_who_waits_for_input() {
    let mut world = World::new();
    let (socket, other) = pair(&mut world);
    let no = world.boolean(false);
    assert_eq!(
        call(&mut world, "primitiveSocketReceiveDataAvailable", &[socket]),
        no
    );
    drop(other);
    world.await_signal(21);
    assert_eq!(
        call(&mut world, "primitiveSocketReceiveDataAvailable", &[socket]),
        no
    );
    assert_eq!(status(&mut world, socket), 3);
}

#[test]
fn a_full_pipe_takes_no_more_until_there_is_room() {
    let mut world = World::new();
    let (socket, mut other) = pair(&mut world);
    let chunk = world.bytes(&[7; 60_000]);
    let arguments = [socket, chunk, i(1), i(60_000)];
    let mut sent = 0;
    while call(&mut world, "primitiveSocketSendDone", &[socket]) == world.boolean(true) {
        let count = call(&mut world, "primitiveSocketSendDataBufCount", &arguments);
        sent += count.as_small_integer().unwrap();
    }
    let reader = std::thread::spawn(move || {
        let mut all = Vec::new();
        other.read_to_end(&mut all).map(|_| all.len())
    });
    world.await_signal(22);
    assert_eq!(
        call(&mut world, "primitiveSocketSendDone", &[socket]),
        world.boolean(true)
    );
    call(&mut world, "primitiveSocketCloseConnection", &[socket]);
    assert_eq!(reader.join().unwrap().unwrap() as i64, sent);
}

#[test]
fn closing_wakes_who_waits() {
    let mut world = World::new();
    let (socket, _other) = pair(&mut world);
    call(&mut world, "primitiveSocketReceiveDataAvailable", &[socket]);
    call(&mut world, "primitiveSocketCloseConnection", &[socket]);
    world.await_signal(21);
    assert_eq!(status(&mut world, socket), 4);
    assert_eq!(send(&mut world, socket, "late"), i(0));
}

#[test]
fn aborting_resets_the_other_end() {
    let mut world = World::new();
    let (socket, mut other) = pair(&mut world);
    call(&mut world, "primitiveSocketAbortConnection", &[socket]);
    call(&mut world, "primitiveSocketDestroy", &[socket]);
    let error = other.read(&mut [0; 1]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[test]
fn a_port_in_use_is_refused() {
    let mut world = World::new();
    let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = i(i32::from(server.local_addr().unwrap().port()));
    let socket = create(&mut world, 1);
    let address = world.bytes(&[127, 0, 0, 1]);
    let arguments = [socket, address, port];
    world.fails(MODULE, "primitiveSocketBindToPort", &arguments, Generic);
    let in_use = rustix::io::Errno::ADDRINUSE.raw_os_error();
    assert_eq!(
        call(&mut world, "primitiveSocketError", &[socket]),
        i(in_use)
    );
}

#[test]
fn options_have_their_names_in_c() {
    let mut world = World::new();
    let socket = create(&mut world, 1);
    let name = world.string("TCP_NODELAY");
    let value = world.string("1");
    let answer = call(
        &mut world,
        "primitiveSocketSetOptions",
        &[socket, name, value],
    );
    assert_eq!((world.slot(answer, 0), world.slot(answer, 1)), (i(0), i(1)));
    let answer = call(&mut world, "primitiveSocketGetOptions", &[socket, name]);
    assert_eq!(world.slot(answer, 1), i(1));
    let odd = world.string("SO_ODD");
    world.fails(MODULE, "primitiveSocketGetOptions", &[socket, odd], Generic);
    world.fails(
        MODULE,
        "primitiveSocketSetOptions",
        &[socket, name, odd],
        BadArgument,
    );
}

#[test]
fn wrong_operands_are_refused() {
    let mut world = World::new();
    let socket = create(&mut world, 1);
    let address = world.bytes(&[127, 0, 0, 1]);
    let short = world.bytes(&[127, 0, 0]);
    let foreign = world.bytes(&[7; 16]);
    let bind = "primitiveSocketBindToPort";
    world.fails(MODULE, bind, &[socket, short, i(0)], BadArgument);
    world.fails(MODULE, bind, &[socket, address, i(65536)], BadArgument);
    world.fails(MODULE, bind, &[foreign, address, i(0)], BadArgument);
    world.fails(MODULE, "primitiveSocketDestroy", &[foreign], BadArgument);
    world.fails(MODULE, "primitiveSocketSendDone", &[i(3)], BadArgument);
    let [connection, read, write] = semaphores(1);
    // Neither a kind of socket beside TCP and UDP nor a network beside IPv4 and IPv6.
    for (network, kind) in [(0, 2), (1, 0), (4, 0)] {
        let others = [i(network), i(kind), i(0), i(0), connection, read, write];
        let name = "primitiveSocketCreate3Semaphores";
        world.fails(MODULE, name, &others, Unsupported);
    }
    let buffer = world.bytes(&[0; 4]);
    let receive = "primitiveSocketReceiveDataBufCount";
    for (start, count) in [(0, 1), (1, 5), (6, 0), (1, -1)] {
        world.fails(
            MODULE,
            receive,
            &[socket, buffer, i(start), i(count)],
            BadIndex,
        );
    }
    world.vm.heap.set_read_only(buffer, true);
    world.fails(
        MODULE,
        receive,
        &[socket, buffer, i(1), i(1)],
        NoModification,
    );
}

#[test]
fn names_are_resolved() {
    let mut world = World::new();
    assert_eq!(call(&mut world, "primitiveResolverStatus", &[]), i(0));
    call(&mut world, "primitiveInitializeNetwork", &[i(7)]);
    let name = world.string("localhost");
    call(&mut world, "primitiveResolverStartNameLookup", &[name]);
    world.await_signal(7);
    assert_eq!(call(&mut world, "primitiveResolverStatus", &[]), i(1));
    let address = call(&mut world, "primitiveResolverNameLookupResult", &[]);
    assert_eq!(world.contents(address), [127, 0, 0, 1]);
    let size = call(&mut world, "primitiveResolverHostNameSize", &[]);
    let string = world.bytes(&vec![0; size.as_small_integer().unwrap() as usize]);
    call(&mut world, "primitiveResolverHostNameResult", &[string]);
    assert!(!world.contents(string).contains(&0));
}

/// A socket for datagrams at a port of the system's choice, and the port.
fn datagrams(world: &mut World, number: i32) -> (Oop, u16) {
    let [connection, read, write] = semaphores(number);
    let arguments = [i(0), i(1), i(8000), i(8000), connection, read, write];
    let socket = call(world, "primitiveSocketCreate3Semaphores", &arguments);
    let address = world.bytes(&[127, 0, 0, 1]);
    call(world, "primitiveSocketBindToPort", &[socket, address, i(0)]);
    let port = call(world, "primitiveSocketLocalPort", &[socket]);
    (socket, port.as_small_integer().unwrap() as u16)
}

#[test]
fn datagrams_come_whole_with_their_sender_or_cut() {
    let mut world = World::new();
    let (near, near_port) = datagrams(&mut world, 1);
    let (far, far_port) = datagrams(&mut world, 2);
    assert_eq!(status(&mut world, near), 2);
    let (yes, no) = (world.boolean(true), world.boolean(false));
    let available = "primitiveSocketReceiveDataAvailable";
    assert_eq!(call(&mut world, available, &[far]), no);
    // What is sent, the room for it, and whether it is cut.
    for (text, room, is_cut) in [("ping", 100, no), ("a longer one", 4, yes), ("", 100, no)] {
        let (buffer, address) = (world.string(text), world.bytes(&[127, 0, 0, 1]));
        let to = Oop::index(far_port.into());
        let arguments = [near, buffer, address, to, i(1), Oop::index(text.len())];
        let sent = call(&mut world, "primitiveSocketSendUDPDataBufCount", &arguments);
        assert_eq!(sent, Oop::index(text.len()));
        while call(&mut world, available, &[far]) != yes {
            world.await_signal(21);
        }
        let buffer = world.bytes(&[0; 100]);
        let arguments = [far, buffer, i(1), i(room)];
        let name = "primitiveSocketReceiveUDPDataBufCount";
        let answer = call(&mut world, name, &arguments);
        let came = text.len().min(room as usize);
        assert_eq!(world.slot(answer, 0), Oop::index(came));
        assert_eq!(&world.contents(buffer)[..came], &text.as_bytes()[..came]);
        let sender = world.slot(answer, 1);
        assert_eq!(world.contents(sender), [127, 0, 0, 1]);
        assert_eq!(world.slot(answer, 2), Oop::index(near_port.into()));
        assert_eq!(world.slot(answer, 3), is_cut, "{text}");
        let nothing = call(&mut world, name, &arguments);
        assert_eq!(world.slot(nothing, 2), i(0));
    }
}

#[test]
fn a_default_peer_lets_datagrams_go_without_an_address() {
    let mut world = World::new();
    let (near, _) = datagrams(&mut world, 1);
    let (far, port) = datagrams(&mut world, 2);
    let address = world.bytes(&[127, 0, 0, 1]);
    let arguments = [near, address, Oop::index(port.into())];
    call(&mut world, "primitiveSocketConnectToPort", &arguments);
    assert_eq!(send(&mut world, near, "pong"), i(4));
    assert_eq!(receive(&mut world, far, 2), b"pong");
}

#[test]
fn datagrams_are_not_for_connections() {
    let mut world = World::new();
    let (near, _) = pair(&mut world);
    let (buffer, address) = (world.bytes(&[0; 10]), world.bytes(&[127, 0, 0, 1]));
    let arguments = [near, buffer, i(1), i(10)];
    let name = "primitiveSocketReceiveUDPDataBufCount";
    world.fails(MODULE, name, &arguments, BadArgument);
    let (socket, _) = datagrams(&mut world, 3);
    let arguments = [socket, buffer, i(2), i(10)];
    world.fails(MODULE, name, &arguments, BadIndex);
    let arguments = [socket, buffer, address, i(70_000), i(1), i(4)];
    let name = "primitiveSocketSendUDPDataBufCount";
    world.fails(MODULE, name, &arguments, BadArgument);
}
