//! Who does something next, and what goes wrong meanwhile.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};

use fastrand::Rng;
use kinfold_model::{Command, PrivacyRequest, Timestamp};
use kinfold_pipeline::worker::{BatchLimits, Equipment, Worker};
use kinfold_pipeline::{BrakeLimits, Metrics, NoState, Port, StageName, Stores};
use kinfold_wire::{Framing, Topic, encode, keyed};

use super::machine::{Board, Machine, Turn};
use super::{Disorder, laws};
use crate::cluster::{Cluster, Disks, Faults, Harm, Meanwhile, Member, Name, Process, Shared, SimulatedLink};
use crate::simulation::{Input, Outcome, Ports, earlier_ports, ports};

/// At most so many instances of a stage.
const MACHINES_MAX: u32 = 3;
/// At most so many processes stand still at the same time.
const FROZEN_MAX: u32 = 3;
/// More steps than any run needs while faults happen.
const STEPS_MAX: usize = 100_000;
/// More rounds than any run needs when they have ceased.
const ROUNDS_MAX: usize = 3000;
/// The time between two rounds.
const ROUND_MS: i64 = 500;
/// Nothing happened for so many rounds: nothing will.
const QUIET_ROUNDS: usize = 4;
/// So tight that one refusal holds a source.
const BRAKE: BrakeLimits = BrakeLimits { ratio: 0.1, records: 4 };
/// Somebody lets go of held sources before one turn in so many.
const RELEASE: u8 = 20;

/// What outlives the workers.
struct Site<'a> {
    metrics: &'a Metrics,
    /// Before the rules change and after it; one of them is all where they do not.
    ports: Vec<Ports>,
    machines: Vec<Machine>,
}

/// A machine with whatever runs on it.
struct Post<'w> {
    machine: &'w Machine,
    worker: RefCell<Option<Box<dyn Turn + 'w>>>,
    /// There while one runs or ran.
    process: RefCell<Option<Rc<Process>>>,
    /// Its turn is not over.
    is_busy: Cell<bool>,
    /// With which ports it began.
    edition: Cell<usize>,
}

struct Driver<'w> {
    me: Weak<Self>,
    cluster: Shared,
    site: &'w Site<'w>,
    posts: Vec<Post<'w>>,
    /// Which ports are in force.
    edition: Cell<usize>,
    frozen: Cell<u32>,
    /// At most so many milliseconds between two steps.
    pace_ms: i64,
    brake: Option<BrakeLimits>,
    /// What is still to come.
    coming: RefCell<Vec<Arrival<'w>>>,
}

/// Something from outside.
enum Arrival<'a> {
    Raw(&'a [u8]),
    Command(&'a Command),
    Request(&'a PrivacyRequest),
    /// From now on other rules are in force, and other purposes and outputs.
    Rules,
}

/// Runs everything.
pub(super) fn run(
    input: &Input<'_>,
    disorder: &Disorder,
    metrics: &Metrics,
) -> Result<Option<Outcome>, String> {
    let mut rng = Rng::with_seed(disorder.seed);
    let mut cluster = Cluster::new(rng.fork(), disorder.begin, disorder.partitions, disorder.is_told);
    let minutes = 60_000;
    cluster.retention_ms = *rng.choice(&[10 * minutes, 60 * minutes, 100_000 * minutes]).unwrap_or(&minutes);
    cluster.has_standbys = rng.bool();
    cluster.faults = faults(&mut rng);
    let cluster = Rc::new(RefCell::new(cluster));
    let machines = StageName::ALL.into_iter().flat_map(|stage| {
        let count = rng.u32(1..=MACHINES_MAX);
        (0..count).map(move |machine| (stage, machine))
    });
    let machines: Vec<Member> = machines.collect();
    let machine = |member: Member| {
        let process = cluster.borrow_mut().process(member);
        Machine { member, disks: Disks::new(process, Rc::clone(&cluster)), board: Board::default() }
    };
    let earlier = input.earlier_rules.map(|rules| earlier_ports(input.keys, rules, disorder.partitions));
    let ports = ports(input.keys, input.rules, disorder.partitions);
    let ports = earlier.into_iter().chain([ports]).collect();
    let site = Site { metrics, ports, machines: machines.into_iter().map(machine).collect() };
    let pace_ms = *rng.choice(&[20, 20, 1000, 8000]).unwrap_or(&20);
    let brake = (rng.u8(0..4) == 0).then_some(BRAKE);
    let driver = Rc::new_cyclic(|me| Driver {
        me: Weak::clone(me),
        cluster: Rc::clone(&cluster),
        site: &site,
        posts: site.machines.iter().map(Post::new).collect(),
        edition: Cell::new(0),
        frozen: Cell::new(0),
        pace_ms,
        brake,
        coming: RefCell::new(arrivals(input, &mut rng)),
    });
    let steps = rng.usize(0..1500);
    driver.suffer(steps)?;
    driver.recover()?;
    // What waits for its time has its time when all else is done.
    driver.wait_until(input.now);
    driver.recover()?;
    let cluster = cluster.borrow();
    if cluster.is_torn() { Ok(None) } else { laws::outcome(&cluster).map(Some) }
}

fn faults(rng: &mut Rng) -> Faults {
    let mut often = |most: f64| *rng.choice(&[0.0, 0.1, 0.3, 1.0]).unwrap_or(&0.0) * most;
    let (crash, loss, freeze, doubt) = (often(0.01), often(0.02), often(0.01), often(0.15));
    let repeat = if rng.u8(0..4) == 0 { 0.2 } else { 0.0 };
    Faults { crash, loss, freeze, doubt, repeat, is_deaf: rng.u8(0..8) == 0 }
}

/// What comes from outside; the first is the last in the list.
fn arrivals<'a>(input: &Input<'a>, rng: &mut Rng) -> Vec<Arrival<'a>> {
    let mut coming: Vec<Arrival<'a>> = input.records.iter().map(|record| Arrival::Raw(record)).collect();
    for command in input.commands {
        coming.insert(rng.usize(0..=coming.len()), Arrival::Command(command));
    }
    for request in input.requests {
        coming.insert(rng.usize(0..=coming.len()), Arrival::Request(request));
    }
    if input.earlier_rules.is_some() {
        coming.insert(rng.usize(0..=coming.len()), Arrival::Rules);
    }
    coming.reverse();
    coming
}

impl<'w> Post<'w> {
    fn new(machine: &'w Machine) -> Self {
        let (worker, process) = (RefCell::new(None), RefCell::new(None));
        Self { machine, worker, process, is_busy: Cell::new(false), edition: Cell::new(0) }
    }

    fn is_running(&self) -> bool {
        self.worker.borrow().is_some() || self.is_busy.get()
    }
}

impl<'w> Driver<'w> {
    /// Goes on while faults happen, until everything has come from outside, and for so many steps more.
    fn suffer(&self, steps: usize) -> Result<(), String> {
        let mut left = steps;
        for _ in 0..STEPS_MAX {
            if self.coming.borrow().is_empty() {
                if left == 0 {
                    break;
                }
                left -= 1;
            }
            self.step()?;
        }
        Ok(())
    }

    /// The faults cease: goes on until nothing is on its way.
    fn recover(&self) -> Result<(), String> {
        self.cluster.borrow().tell(|| "the faults cease".to_owned());
        self.cluster.borrow_mut().faults = Faults::default();
        self.posts.iter().for_each(|post| post.machine.disks.clear());
        let mut quiet = 0;
        for _ in 0..ROUNDS_MAX {
            let before = self.cluster.borrow().version;
            while let Some(arrival) = self.next_arrival() {
                self.arrive(&arrival)?;
            }
            self.cluster.borrow_mut().arrive_late();
            for post in &self.posts {
                if post.edition.get() != self.edition.get() {
                    self.end(post);
                }
                if !post.is_running() {
                    self.start(post);
                }
                self.turn(post)?;
            }
            self.pass(ROUND_MS);
            let has_moved = self.cluster.borrow().version != before || self.unrest().is_some();
            quiet = if has_moved { 0 } else { quiet + 1 };
            if quiet == QUIET_ROUNDS {
                return self.at_rest();
            }
        }
        Err(format!(
            "it does not come to rest: {}",
            self.unrest().unwrap_or_else(|| "it goes in circles".to_owned())
        ))
    }

    /// One thing happens.
    fn step(&self) -> Result<(), String> {
        let (elapsed, what) = {
            let rng = &mut self.cluster.borrow_mut().rng;
            (rng.i64(1..=self.pace_ms), rng.u8(0..100))
        };
        self.pass(elapsed);
        match what {
            0..=9 => match self.next_arrival() {
                Some(arrival) => self.arrive(&arrival),
                None => Ok(()),
            },
            10..=14 => self.come_back(),
            15..=19 => {
                self.misfortune();
                Ok(())
            }
            _ => {
                let one = self.cluster.borrow_mut().rng.usize(..self.posts.len());
                self.turn(&self.posts[one])
            }
        }
    }

    fn pass(&self, elapsed_ms: i64) {
        let mut cluster = self.cluster.borrow_mut();
        cluster.now += elapsed_ms;
        cluster.write_marks();
    }

    /// Nothing happens until then; if that is past, nothing waits.
    fn wait_until(&self, time: Timestamp) {
        let now = self.cluster.borrow().now;
        self.pass((time.millis() - now).max(0));
    }

    /// What comes next; while somebody stands still, the rules stay as they are.
    fn next_arrival(&self) -> Option<Arrival<'w>> {
        let mut coming = self.coming.borrow_mut();
        if matches!(coming.last(), Some(Arrival::Rules)) && self.frozen.get() > 0 {
            return None;
        }
        coming.pop()
    }

    fn arrive(&self, arrival: &Arrival<'_>) -> Result<(), String> {
        let mut cluster = self.cluster.borrow_mut();
        let partitions = cluster.partitions;
        let partition = cluster.rng.u32(0..partitions);
        match arrival {
            Arrival::Raw(record) => {
                cluster.tell(|| format!("a record comes: {}", String::from_utf8_lossy(record)));
                cluster.send((Name::Raw, partition), None, Some(record.to_vec()));
            }
            Arrival::Command(command) => {
                cluster.tell(|| format!("a command comes: {}", command.command_id));
                let value = encode(Topic::IdentityCommand, Framing::SingleObject, *command);
                let value = value.map_err(|error| error.to_string())?;
                let key = command.command_id.clone().into_bytes();
                cluster.send((Name::Topic(Topic::IdentityCommand), partition), Some(key), Some(value));
            }
            Arrival::Request(request) => {
                cluster.tell(|| format!("a request comes: {}", request.request_id));
                let value = encode(Topic::PrivacyRequest, Framing::SingleObject, *request);
                let value = value.map_err(|error| error.to_string())?;
                let key = request.request_id.clone().into_bytes();
                let partition = keyed(&key, partitions);
                cluster.send((Name::Topic(Topic::PrivacyRequest), partition), Some(key), Some(value));
            }
            Arrival::Rules => {
                cluster.tell(|| "other rules are in force".to_owned());
                drop(cluster);
                self.edition.set(self.edition.get() + 1);
                // People who work by other purposes may be at work side by side, each until it ends for whatever reason.
                let old = [StageName::Capture, StageName::Stitch];
                for post in self.posts.iter().filter(|post| old.contains(&post.machine.member.0)) {
                    self.end(post);
                }
            }
        }
        Ok(())
    }

    /// One that is not running comes back; sometimes its disk is not as it was.
    fn come_back(&self) -> Result<(), String> {
        let down: Vec<&Post<'w>> = self.posts.iter().filter(|post| !post.is_running()).collect();
        let (post, harm) = {
            let rng = &mut self.cluster.borrow_mut().rng;
            let Some(post) = rng.choice(down) else { return Ok(()) };
            (post, rng.choice(Harm::ALL).filter(|_| rng.u8(0..3) == 0))
        };
        if let Some(harm) = harm {
            post.machine.disks.harm(harm);
        }
        self.start(post);
        Ok(())
    }

    fn start(&self, post: &Post<'w>) {
        let (stage, machine) = post.machine.member;
        let process = {
            let mut cluster = self.cluster.borrow_mut();
            cluster.tell(|| format!("{stage}-{machine} begins"));
            cluster.process(post.machine.member)
        };
        post.machine.board.wipe();
        post.machine.disks.hand_to(Rc::clone(&process));
        post.process.replace(Some(Rc::clone(&process)));
        let ports = &self.site.ports[self.edition.get().min(self.site.ports.len() - 1)];
        post.edition.set(self.edition.get());
        let disks = &post.machine.disks;
        let worker = match stage {
            StageName::Capture => self.hire(post, process, &ports.capture, &NoState),
            StageName::Stitch => self.hire(post, process, &ports.stitch, disks),
            StageName::Facets => self.hire(post, process, &ports.facets, disks),
            StageName::People => self.hire(post, process, &ports.people, disks),
            StageName::Privacy => self.hire(post, process, &ports.privacy, disks),
        };
        *post.worker.borrow_mut() = worker;
    }

    fn hire<P: Port, S: Stores>(
        &self,
        post: &Post<'w>,
        process: Rc<Process>,
        port: &'w P,
        stores: &'w S,
    ) -> Option<Box<dyn Turn + 'w>> {
        let me: Weak<dyn Meanwhile + 'w> = Weak::<Self>::clone(&self.me);
        let link = SimulatedLink::join(process, Rc::clone(&self.cluster), me).ok()?;
        let partitions = self.cluster.borrow().partitions;
        let limits = BatchLimits { records: 8, bytes: usize::MAX };
        let (metrics, observer) = (self.site.metrics, &post.machine.board);
        let equipment = Equipment { port, stores, partitions, limits, brake: self.brake, metrics, observer };
        Some(Box::new(Worker::new(equipment, link)))
    }

    fn turn(&self, post: &Post<'w>) -> Result<(), String> {
        let Some(mut worker) = post.worker.borrow_mut().take() else { return Ok(()) };
        let lets_go = self.brake.is_some() && self.cluster.borrow_mut().rng.u8(0..RELEASE) == 0;
        post.is_busy.set(true);
        let released = if lets_go { worker.release() } else { Ok(()) };
        let result = released.and_then(|()| worker.turn());
        post.is_busy.set(false);
        let (stage, machine) = post.machine.member;
        let is_believed = worker.is_believed() && !self.cluster.borrow().is_torn();
        if let Some((partition, why)) = post.machine.board.stopped().into_iter().find(|_| is_believed) {
            let sentence = format!("{stage} {partition} stands still on machine {machine}: {why}");
            self.cluster.borrow_mut().break_law(sentence);
        }
        if let Some(how) = self.cluster.borrow().broken() {
            return Err(how.to_owned());
        }
        let is_dead = post.process.borrow().as_ref().is_some_and(|process| process.is_dead.get());
        match result {
            Ok(()) if !is_dead => drop(post.worker.replace(Some(worker))),
            Ok(()) => drop(worker),
            Err(why) => {
                self.cluster.borrow().tell(|| format!("{stage}-{machine} gives up: {why}"));
                drop(worker);
            }
        }
        Ok(())
    }

    /// A process ends, whatever it was about to do.
    fn end(&self, post: &Post<'w>) {
        if let Some(process) = &*post.process.borrow() {
            process.is_dead.set(true);
        }
        drop(post.worker.borrow_mut().take());
    }

    /// Something goes wrong that is not of a process's own doing.
    fn misfortune(&self) {
        let (which, post) = {
            let rng = &mut self.cluster.borrow_mut().rng;
            (rng.u8(0..10), rng.usize(..self.posts.len()))
        };
        let post = &self.posts[post];
        let (stage, machine) = post.machine.member;
        match which {
            0 if self.cluster.borrow().faults.crash > 0.0 => {
                self.cluster.borrow().tell(|| format!("{stage}-{machine} is killed"));
                self.end(post);
            }
            1 | 2 if !self.is_well(post) => self.cluster.borrow_mut().expel(post.machine.member),
            3 | 4 => {
                let mut cluster = self.cluster.borrow_mut();
                let awaited = cluster.awaited(stage);
                awaited.into_iter().for_each(|machine| cluster.expel((stage, machine)));
            }
            5 => self.time_out(),
            6 => self.cluster.borrow_mut().arrive_late(),
            7 => self.cluster.borrow_mut().compact(stage),
            8 => {
                let mut cluster = self.cluster.borrow_mut();
                let loss = cluster.faults.loss;
                if cluster.strikes(loss * 10.0) {
                    cluster.expel(post.machine.member);
                }
            }
            9 => self.damage(post),
            _ => {}
        }
    }

    fn damage(&self, post: &Post<'w>) {
        let (is_full, is_corrupt) = {
            let mut cluster = self.cluster.borrow_mut();
            let crash = cluster.faults.crash;
            (cluster.strikes(crash * 30.0), cluster.strikes(crash * 30.0))
        };
        if is_full {
            let mut cluster = self.cluster.borrow_mut();
            let until = cluster.now + cluster.rng.i64(0..20_000);
            let (stage, machine) = post.machine.member;
            cluster.tell(|| format!("the disk of {stage}-{machine} is full"));
            post.machine.disks.fill(until);
        }
        if is_corrupt {
            post.machine.disks.corrupt();
        }
    }

    /// The coordinator loses patience with a transaction of one that is down or stands still.
    fn time_out(&self) {
        let ill = |member: &Member| {
            self.posts.iter().any(|post| post.machine.member == *member && !self.is_well(post))
        };
        let open = self.cluster.borrow().open_transactions();
        open.iter()
            .filter(|member| ill(member))
            .for_each(|member| self.cluster.borrow_mut().time_out(*member));
    }

    /// Whether it runs and does not stand still.
    fn is_well(&self, post: &Post<'w>) -> bool {
        post.worker.borrow().is_some()
    }

    /// Why nothing is at rest yet.
    fn unrest(&self) -> Option<String> {
        if self.cluster.borrow().is_torn() {
            return self.cluster.borrow().is_unended();
        }
        let idle = self.posts.iter().find_map(|post| Some((post.machine.member, post.machine.board.idle()?)));
        if let Some(((stage, _), (partition, standing))) = idle {
            return Some(format!("{stage} {partition} is {standing:?}"));
        }
        if let Some(why) = self.cluster.borrow().unrest() {
            return Some(why);
        }
        let at_work: BTreeMap<Member, _> =
            self.posts.iter().map(|post| (post.machine.member, post.machine.board.at_work())).collect();
        let mut cluster = self.cluster.borrow_mut();
        for stage in StageName::ALL {
            for partition in 0..cluster.partitions {
                let owner = cluster.owner(stage, partition);
                let works =
                    |machine| at_work.get(&(stage, machine)).is_some_and(|own| own.contains(&partition));
                if !owner.is_some_and(works) {
                    return Some(format!(
                        "{stage} {partition} belongs to {owner:?}, who is not at work on it"
                    ));
                }
            }
        }
        None
    }

    /// The laws of what is at rest.
    fn at_rest(&self) -> Result<(), String> {
        for post in &self.posts {
            let (stage, machine) = post.machine.member;
            let followed = post.worker.borrow().as_ref().map(|worker| worker.followed()).unwrap_or_default();
            let following = post.machine.board.following();
            if followed != following {
                return Err(format!(
                    "{stage}-{machine} reads the changelog of {followed:?}, and has use for {following:?}"
                ));
            }
            laws::stores_are_folds(&self.cluster.borrow(), post.machine)?;
            laws::nothing_torn_is_at_work(&self.cluster.borrow(), post.machine)?;
        }
        Ok(())
    }
}

impl Meanwhile for Driver<'_> {
    fn meanwhile(&self, frozen: Member) {
        if self.frozen.get() >= FROZEN_MAX {
            return;
        }
        self.frozen.set(self.frozen.get() + 1);
        let (steps, is_expelled) = {
            let rng = &mut self.cluster.borrow_mut().rng;
            let most = *rng.choice(&[5, 40, 200]).unwrap_or(&5);
            (rng.usize(0..most), rng.bool())
        };
        let expelled_at = steps / 4;
        for step in 0..steps {
            if step == expelled_at {
                self.cluster.borrow_mut().arrive_late();
            }
            if step == expelled_at && is_expelled {
                let mut cluster = self.cluster.borrow_mut();
                cluster.time_out(frozen);
                cluster.expel(frozen);
            }
            // A broken law is noted, and found when the turn is over.
            if self.step().is_err() {
                break;
            }
        }
        self.frozen.set(self.frozen.get() - 1);
    }
}
