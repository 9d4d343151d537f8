//! What must hold in the end.

use kv_sim::{Checked, check};

use super::{
    events::Place,
    report::{SimReport, count},
    world::World,
};

impl World {
    /// Whether all nodes of the cluster have applied all that is committed.
    pub(super) fn is_even(&self) -> bool {
        let committed = self.invariants.committed_max();
        self.living().iter().all(|place| {
            let member = self.nodes[*place].member.as_ref();
            member.is_some_and(|member| member.probe().applied >= committed)
        })
    }

    pub(super) fn check_ending(&self) -> Result<Checked, String> {
        self.check_states()?;
        check(&self.history).map_err(|failure| failure.to_string())
    }

    /// All nodes hold the same.
    fn check_states(&self) -> Result<(), String> {
        let states: Vec<(Place, u64, u64)> = self
            .living()
            .into_iter()
            .filter_map(|place| {
                let member = self.nodes[place].member.as_ref()?;
                Some((place, member.probe().applied, member.state_digest()))
            })
            .collect();
        let equal = |a: &(Place, u64, u64), b: &(Place, u64, u64)| (a.1, a.2) == (b.1, b.2);
        match states.windows(2).find(|pair| !equal(&pair[0], &pair[1])) {
            None => Ok(()),
            Some(pair) => Err(format!(
                "nodes {} and {} hold different states after entries {} and {}",
                pair[0].0, pair[1].0, pair[0].1, pair[1].1
            )),
        }
    }

    pub(super) fn report(&mut self, checked: Checked, recovery_us: u64) -> SimReport {
        for place in self.living() {
            if let Some(member) = &self.nodes[place].member {
                let status = member.status(self.nodes[place].now_ms(self.now_us));
                count(&mut self.coverage, &status.counters);
                self.trace
                    .record(90, &[place as u64, member.state_digest()]);
            }
        }
        self.coverage.add("operations", checked.operations as u64);
        SimReport {
            seed: self.settings.seed,
            trace_hash: self.trace.hash(),
            events: self.trace.events(),
            faults: self.coverage.count("faults"),
            simulated_us: self.now_us,
            recovery_us,
            checked,
            coverage: self.coverage.clone(),
        }
    }

    /// The cluster in a few lines, for a failure.
    pub(super) fn describe(&self) -> String {
        let mut text = String::new();
        for (place, node) in self.nodes.iter().enumerate() {
            let member = node.member.as_ref();
            let state = member.map_or_else(
                || "is switched off".to_owned(),
                |member| {
                    let status = member.status(node.now_ms(self.now_us));
                    let members: Vec<String> = status
                        .members
                        .iter()
                        .map(|peer| {
                            let id = peer.address.id;
                            format!("{id}{}", if peer.is_voter { "" } else { " (learner)" })
                        })
                        .collect();
                    format!(
                        "{:?}, refused {}, health {}, members {}",
                        member.probe(),
                        status.is_refused,
                        status.health,
                        members.join(" ")
                    )
                },
            );
            text.push_str(&format!("\n  node {place} ({:?}): {state}", node.fate));
        }
        for (place, client) in self.clients.iter().enumerate() {
            if let Some(open) = &client.open {
                text.push_str(&format!("\n  client {place} waits for {open:?}"));
            }
        }
        text.push_str(&format!("\n  {:?}", self.operator));
        text
    }
}
