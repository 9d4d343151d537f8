//! Tests of the network: each kind of weather and each shape of a partition.

use super::*;

const LINK: Link = (0, 1);

fn storm(change: impl FnOnce(&mut Weather)) -> Network {
    let mut weather = Weather::fair();
    change(&mut weather);
    let mut network = Network::new(7);
    network.set_weather(weather);
    network
}

fn arrivals(network: &mut Network, count: u64) -> Vec<Arrivals> {
    (0..count).map(|n| network.send(n * 10, LINK, 0)).collect()
}

#[test]
fn fair_weather_delivers_each_message_once_and_in_order() {
    let all = arrivals(&mut Network::new(1), 1000);
    assert!(all.iter().all(|one| one.again_us.is_none()));
    let times: Vec<u64> = all.iter().map(|one| one.first_us.unwrap()).collect();
    assert!(times.is_sorted());
}

#[test]
fn loss_loses_about_as_many_as_it_says() {
    let mut network = storm(|weather| weather.loss_permille = 200);
    let all = arrivals(&mut network, 10_000);
    let lost = all.iter().filter(|one| one.first_us.is_none()).count();
    assert!((1_500..2_500).contains(&lost), "{lost} lost");
}

#[test]
fn duplication_delivers_some_twice() {
    let mut network = storm(|weather| weather.duplicate_permille = 200);
    let all = arrivals(&mut network, 10_000);
    let doubled = all.iter().filter(|one| one.again_us.is_some()).count();
    assert!((1_500..2_500).contains(&doubled), "{doubled} doubled");
}

#[test]
fn reordering_lets_some_be_overtaken() {
    let mut network = storm(|weather| weather.reorder_permille = 300);
    let all = arrivals(&mut network, 1000);
    let times: Vec<u64> = all.iter().map(|one| one.first_us.unwrap()).collect();
    assert!(!times.is_sorted());
}

#[test]
fn lanes_do_not_wait_for_each_other() {
    let mut network = Network::new(3);
    network.lanes.insert((LINK, 0), 1_000_000);
    assert_eq!(network.send(0, LINK, 0).first_us, Some(1_000_000));
    assert!(network.send(0, LINK, 1).first_us.unwrap() < 1_000_000);
    network.reconnect(1);
    assert!(network.send(0, LINK, 0).first_us.unwrap() < 1_000_000);
}

#[test]
fn a_cut_lasts_until_it_is_lifted_and_cuts_may_overlap() {
    let mut network = Network::new(4);
    let (first, second) = (network.cut(vec![LINK]), network.cut(vec![LINK, (1, 0)]));
    network.lift(first);
    assert!(!network.is_open(LINK));
    assert_eq!(network.send(0, LINK, 0), Arrivals::default());
    network.lift(second);
    assert!(network.is_open(LINK) && network.is_open((1, 0)));
}

#[test]
fn equal_seeds_have_equal_fates() {
    let fates = |seed| {
        let mut network = Network::new(seed);
        network.set_weather(Weather::foul(&mut Random::new(seed)));
        arrivals(&mut network, 500)
    };
    assert_eq!(fates(9), fates(9));
    assert_ne!(fates(9), fates(10));
}

#[test]
fn shapes_cut_the_links_that_they_say() {
    let nodes = [0, 1, 2];
    let links = |shape: Partition| shape.links(&nodes);
    assert_eq!(
        links(Partition::Split(vec![1])),
        [(0, 1), (1, 0), (1, 2), (2, 1)]
    );
    assert_eq!(links(Partition::OneWay(2, 0)), [(2, 0)]);
    assert_eq!(links(Partition::Mute(1)), [(1, 0), (1, 2)]);
    assert_eq!(links(Partition::Deaf(1)), [(0, 1), (2, 1)]);
    assert_eq!(links(Partition::Ring), [(0, 2), (1, 0), (2, 1)]);
    assert_eq!(links(Partition::Bridge(2)), [(0, 1), (1, 0)]);
    assert_eq!(links(Partition::Links(vec![(2, 1)])), [(2, 1)]);
}

#[test]
fn five_neighbours_each_see_a_majority() {
    let nodes = [0, 1, 2, 3, 4];
    let cut = Partition::Neighbours.links(&nodes);
    for node in nodes {
        let heard = nodes.iter().filter(|other| !cut.contains(&(**other, node)));
        assert_eq!(heard.count(), 3, "itself and two more");
    }
}
