//! Sockets of IPv6, whose addresses are of sixteen bytes, and names of addresses.

use std::net::{Ipv6Addr, TcpStream};

use super::*;

fn create_6(world: &mut World, number: i32, kind: i32) -> Oop {
    let [connection, read, write] = semaphores(number);
    let arguments = [i(3), i(kind), i(8000), i(8000), connection, read, write];
    call(world, "primitiveSocketCreate3Semaphores", &arguments)
}

fn loopback(world: &mut World) -> Oop {
    world.bytes(&Ipv6Addr::LOCALHOST.octets())
}

fn port_of(world: &mut World, socket: Oop) -> Oop {
    call(world, "primitiveSocketLocalPort", &[socket])
}

fn connected(world: &mut World, listener: Oop, number: i32) -> Oop {
    while status(world, listener) != 2 {
        world.await_signal(10);
    }
    accept(world, listener, number)
}

#[test]
fn a_server_at_one_interface_talks_to_a_client_of_the_same_machine() {
    let mut world = World::new();
    let listener = create_6(&mut world, 1, 0);
    let interface = loopback(&mut world);
    let arguments = [listener, i(0), i(5), interface];
    call(
        &mut world,
        "primitiveSocketListenOnPortBacklogInterface",
        &arguments,
    );
    let port = port_of(&mut world, listener);
    let client = create_6(&mut world, 2, 0);
    call(
        &mut world,
        "primitiveSocketConnectToPort",
        &[client, interface, port],
    );
    let server = connected(&mut world, listener, 3);
    while status(&mut world, client) != 2 {
        world.await_signal(20);
    }
    assert_eq!(send(&mut world, server, "hello"), i(5));
    assert_eq!(receive(&mut world, client, 2), b"hello");
    for name in [
        "primitiveSocketLocalAddress",
        "primitiveSocketRemoteAddress",
    ] {
        let address = call(&mut world, name, &[client]);
        assert_eq!(
            world.contents(address),
            Ipv6Addr::LOCALHOST.octets(),
            "{name}"
        );
    }
    assert_eq!(
        call(&mut world, "primitiveSocketRemotePort", &[client]),
        port
    );
}

#[test]
fn a_server_at_every_interface_is_found_by_its_port() {
    let mut world = World::new();
    let listener = create_6(&mut world, 1, 0);
    call(
        &mut world,
        "primitiveSocketListenOnPortBacklog",
        &[listener, i(0), i(5)],
    );
    let address = call(&mut world, "primitiveSocketLocalAddress", &[listener]);
    assert_eq!(world.contents(address), [0; 16]);
    let port = port_of(&mut world, listener).as_small_integer().unwrap();
    let mut client = TcpStream::connect((Ipv6Addr::LOCALHOST, port as u16)).unwrap();
    let server = connected(&mut world, listener, 2);
    client.write_all(b"ping").unwrap();
    assert_eq!(receive(&mut world, server, 2), b"ping");
}

#[test]
fn datagrams_come_with_the_sixteen_bytes_of_their_sender() {
    let mut world = World::new();
    let address = loopback(&mut world);
    let [near, far] = [1, 2].map(|number| {
        let socket = create_6(&mut world, number, 1);
        call(
            &mut world,
            "primitiveSocketBindToPort",
            &[socket, address, i(0)],
        );
        socket
    });
    let (near_port, far_port) = (port_of(&mut world, near), port_of(&mut world, far));
    let text = world.string("ping");
    let arguments = [near, text, address, far_port, i(1), i(4)];
    call(&mut world, "primitiveSocketSendUDPDataBufCount", &arguments);
    let yes = world.boolean(true);
    while call(&mut world, "primitiveSocketReceiveDataAvailable", &[far]) != yes {
        world.await_signal(21);
    }
    let buffer = world.bytes(&[0; 10]);
    let arguments = [far, buffer, i(1), i(10)];
    let name = "primitiveSocketReceiveUDPDataBufCount";
    let answer = call(&mut world, name, &arguments);
    assert_eq!(world.slot(answer, 0), i(4));
    let sender = world.slot(answer, 1);
    assert_eq!(world.contents(sender), Ipv6Addr::LOCALHOST.octets());
    assert_eq!(world.slot(answer, 2), near_port);
    // Nothing came: nobody sent it.
    let answer = call(&mut world, name, &arguments);
    let sender = world.slot(answer, 1);
    assert_eq!(world.contents(sender), [0; 16]);
}

#[test]
fn an_address_of_the_other_version_or_of_none_is_refused() {
    let mut world = World::new();
    let (four, six) = (create(&mut world, 1), create_6(&mut world, 2, 0));
    let datagrams = create_6(&mut world, 3, 1);
    let short = world.bytes(&[127, 0, 0, 1]);
    let long = loopback(&mut world);
    let odd = world.bytes(&[0; 15]);
    for name in ["primitiveSocketBindToPort", "primitiveSocketConnectToPort"] {
        world.fails(MODULE, name, &[four, long, i(9)], Generic);
        world.fails(MODULE, name, &[six, odd, i(9)], BadArgument);
        world.fails(MODULE, name, &[six, long, i(-1)], BadArgument);
    }
    world.fails(
        MODULE,
        "primitiveSocketBindToPort",
        &[six, short, i(9)],
        Generic,
    );
    let name = "primitiveSocketListenOnPortBacklogInterface";
    world.fails(MODULE, name, &[six, i(0), i(5), short], Generic);
    world.fails(MODULE, name, &[six, i(0), i(5), odd], BadArgument);
    let text = world.string("ping");
    let name = "primitiveSocketSendUDPDataBufCount";
    let arguments = [datagrams, text, odd, i(9), i(1), i(4)];
    world.fails(MODULE, name, &arguments, BadArgument);
}

#[test]
fn a_name_may_be_an_address_in_letters_of_version_6() {
    let mut world = World::new();
    call(&mut world, "primitiveInitializeNetwork", &[i(7)]);
    let name = world.string("fe80::12");
    call(&mut world, "primitiveResolverStartNameLookup", &[name]);
    world.await_signal(7);
    let address = call(&mut world, "primitiveResolverNameLookupResult", &[]);
    let expected: Ipv6Addr = "fe80::12".parse().unwrap();
    assert_eq!(world.contents(address), expected.octets());
}

#[test]
fn addresses_have_names() {
    let mut world = World::new();
    call(&mut world, "primitiveInitializeNetwork", &[i(7)]);
    let start = "primitiveResolverStartAddressLookup";
    let known = world.bytes(&[127, 0, 0, 1]);
    call(&mut world, start, &[known]);
    world.await_signal(7);
    assert_eq!(call(&mut world, "primitiveResolverStatus", &[]), i(1));
    let name = call(&mut world, "primitiveResolverAddressLookupResult", &[]);
    assert!(!world.contents(name).is_empty());
    let nil = world.vm.heap.nil();
    let address = call(&mut world, "primitiveResolverNameLookupResult", &[]);
    assert_eq!(address, nil, "what was looked for is a name");
    // An address for documents, which nobody has.
    let unknown = world.bytes(&"2001:db8::1".parse::<Ipv6Addr>().unwrap().octets());
    call(&mut world, start, &[unknown]);
    world.await_signal(7);
    assert_eq!(call(&mut world, "primitiveResolverStatus", &[]), i(3));
    assert_eq!(
        call(&mut world, "primitiveResolverAddressLookupResult", &[]),
        nil
    );
    let odd = world.bytes(&[1, 2, 3]);
    world.fails(MODULE, start, &[odd], BadArgument);
    world.fails(MODULE, start, &[i(5)], BadArgument);
}
