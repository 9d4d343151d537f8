//! The plan's faults, as they begin and end.

use kv_sim::{Fault, Partition, Weather};

use super::{
    drive::endpoint,
    events::{Due, Place},
    node::Fate,
    world::{Stage, World, is_lasting},
};

/// A fault that has begun.
#[derive(Debug, Default)]
pub(super) struct Active {
    /// Whom it happens to.
    node: Option<Place>,
    partition: Option<u64>,
}

impl World {
    pub(super) fn begin_fault(&mut self, at: usize) -> Result<(), String> {
        if self.stage != Stage::Storm {
            return Ok(());
        }
        self.coverage.hit("faults");
        self.faults_left -= 1;
        let planned = self.plan[at].clone();
        tracing::info!(us = self.now_us, ?planned, "fault");
        self.trace.record(70, &[self.now_us, at as u64]);
        if is_lasting(&planned.fault) {
            let ends_us = self.now_us + planned.lasts_us;
            self.agenda.put(ends_us, Due::FaultEnds(at));
        }
        match planned.fault {
            Fault::Partition(_) => self.part(at),
            Fault::Weather(weather) => self.network.set_weather(weather),
            Fault::Other(disturbance) => self.disturb(disturbance),
            fault => {
                let place = self.victim(&fault);
                self.active[at].node = Some(place);
                self.harm(place, &fault, self.now_us + planned.lasts_us);
            }
        }
        Ok(())
    }

    /// The nodes that there are now fall apart in some shape.
    fn part(&mut self, at: usize) {
        let nodes: Vec<u32> = self.living().into_iter().map(endpoint).collect();
        let links = Partition::draw(&mut self.random, &nodes).links(&nodes);
        self.active[at].partition = Some(self.network.cut(links));
        self.coverage.hit("partitions");
    }

    /// Whom a fault happens to, of the nodes that there are now.
    fn victim<X>(&self, fault: &Fault<X>) -> Place {
        let drawn = match fault {
            Fault::Crash(node)
            | Fault::CrashDuring(node, _)
            | Fault::Pause(node)
            | Fault::SlowDisk(node, _)
            | Fault::FailSync(node, _)
            | Fault::FailWrite(node, _)
            | Fault::DiskFull(node)
            | Fault::WallJump(node, _)
            | Fault::Drift(node, _) => *node as usize,
            Fault::Partition(_) | Fault::Weather(_) | Fault::Other(_) => 0,
        };
        let living = self.living();
        living[drawn % living.len()]
    }

    fn harm<X>(&mut self, place: Place, fault: &Fault<X>, ends_us: u64) {
        let now_us = self.now_us;
        let node = &mut self.nodes[place];
        match fault {
            Fault::Crash(_) => {
                self.power_off(place);
                self.coverage.hit("crashes");
            }
            Fault::CrashDuring(_, nth) => node.disk.cut_at(node.disk.operations() + nth),
            Fault::Pause(_) => {
                node.paused_until_us = Some(ends_us);
                self.coverage.hit("pauses");
            }
            Fault::SlowDisk(_, sync_us) => node.sync_us = Some(*sync_us),
            Fault::FailSync(_, nth) => {
                node.has_armed_faults = true;
                node.disk.fail_sync_at(node.disk.syncs() + nth);
            }
            Fault::FailWrite(_, nth) => {
                node.has_armed_faults = true;
                node.disk.fail_operation_at(node.disk.operations() + nth);
            }
            Fault::DiskFull(_) => {
                node.is_full = true;
                let spare = self.random.below(16 << 10);
                node.disk.set_capacity(node.disk.used_bytes() + spare);
                self.coverage.hit("full disks");
            }
            Fault::WallJump(_, by_ms) => node.clock.jump_wall(*by_ms),
            Fault::Drift(_, ppm) => node.clock.set_drift(now_us, *ppm),
            Fault::Partition(_) | Fault::Weather(_) | Fault::Other(_) => {}
        }
    }

    pub(super) fn end_fault(&mut self, at: usize) -> Result<(), String> {
        if let Some(partition) = self.active[at].partition.take() {
            self.network.lift(partition);
        }
        if matches!(self.plan[at].fault, Fault::Weather(_)) {
            self.network.set_weather(Weather::fair());
        }
        match self.active[at].node.take() {
            Some(place) => self.relieve(place, &self.plan[at].fault.clone()),
            None => Ok(()),
        }
    }

    fn relieve<X>(&mut self, place: Place, fault: &Fault<X>) -> Result<(), String> {
        let now_us = self.now_us;
        let node = &mut self.nodes[place];
        match fault {
            Fault::Crash(_) => return self.start(place),
            Fault::CrashDuring(..) => node.disk.cut_at(u64::MAX),
            Fault::Pause(_) => self.resume(place),
            Fault::SlowDisk(..) => node.sync_us = None,
            Fault::FailSync(..) => node.disk.fail_sync_at(u64::MAX),
            Fault::FailWrite(..) => node.disk.fail_operation_at(u64::MAX),
            Fault::DiskFull(_) => {
                node.is_full = false;
                node.disk.set_capacity(u64::MAX);
            }
            Fault::Drift(..) => node.clock.set_drift(now_us, 0),
            _ => {}
        }
        Ok(())
    }

    fn resume(&mut self, place: Place) {
        let node = &mut self.nodes[place];
        // What was due first comes first: the timer that fired while it stood still is among it.
        node.paused_until_us = None;
        let epoch = node.epoch;
        let resume = Due::Resume { node: place, epoch };
        self.agenda.put(self.now_us, resume);
    }

    /// All faults end, and whoever is switched off is switched on.
    pub(super) fn repair(&mut self) {
        self.stage = Stage::Calm;
        self.trace.record(71, &[self.now_us]);
        for at in 0..self.plan.len() {
            if let Some(place) = self.active[at].node.take() {
                let fault = self.plan[at].fault.clone();
                if self.relieve(place, &fault).is_err() {
                    self.plan_start(place);
                }
            }
            self.active[at].partition = None;
        }
        self.network.heal();
        for place in 0..self.nodes.len() {
            self.agenda.put(self.now_us, Due::Start { node: place });
        }
        self.operator.calm_down();
        for client in &mut self.clients {
            client.is_done = false;
        }
    }

    /// Nodes that are not switched off for good.
    pub(super) fn living(&self) -> Vec<Place> {
        let lives = |place: &Place| self.nodes[*place].fate == Fate::Lives;
        (0..self.nodes.len()).filter(lives).collect()
    }
}
