//! A soak: random kills, pauses, ends, crashes of the broker and cuts of the network under load, for as long as is
//! asked for, and the checker at the end. In: minutes and a seed, which decides which fault comes when. Out: a report.

mod members;
mod pulse;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::case::{Failure, Outcome};
use crate::checker::{Checker, Proof};
use crate::deployment::{Deployment, SESSION};
use crate::ground::Ground;
use crate::load::Feeding;
use crate::patience::pass;
use crate::proxy::Line;
use members::Members;
use pulse::Pulse;

const PER_SECOND: u32 = 40;
/// Between two faults, in seconds.
const REST: std::ops::Range<u64> = 3..15;

/// What may happen, each with how often in a hundred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    Kill,
    End,
    Start,
    Pause,
    PauseBeyondSession,
    BrokerCrash,
    BrokerAway,
    Cut,
    Silence,
}

const FAULTS: [(Fault, u8); 9] = [
    (Fault::Kill, 26),
    (Fault::End, 12),
    (Fault::Start, 20),
    (Fault::Pause, 14),
    (Fault::PauseBeyondSession, 8),
    (Fault::BrokerCrash, 5),
    (Fault::BrokerAway, 3),
    (Fault::Cut, 6),
    (Fault::Silence, 6),
];

/// Runs it, and prints the report.
pub(crate) fn run(minutes: u64, seed: u64, keep: bool) -> ExitCode {
    println!("a soak of {minutes} min with seed {seed}");
    let soaked = Ground::start(keep).map_err(Failure::Wrong).and_then(|ground| {
        let deployment = Deployment::new(&ground, "soak")?;
        let soaked = soak(&deployment, Duration::from_secs(minutes * 60), seed);
        deployment.explained(soaked)
    });
    match soaked {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(Failure::Wrong(why) | Failure::NotStaged(why)) => {
            println!("FAILED with seed {seed}: {why}");
            ExitCode::FAILURE
        }
    }
}

struct Report {
    faults: BTreeMap<Fault, usize>,
    proof: Proof,
    worst: Duration,
    caught_up: Duration,
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (fault, count) in &self.faults {
            writeln!(f, "{count:>6} × {fault:?}")?;
        }
        writeln!(f, "{}", self.proof)?;
        let (worst, caught_up) = (self.worst.as_secs_f64(), self.caught_up.as_secs_f64());
        write!(
            f,
            "longest time without a commit of people: {worst:.1} s; caught up {caught_up:.1} s after the end"
        )
    }
}

fn soak(deployment: &Deployment<'_>, time: Duration, seed: u64) -> Outcome<Report> {
    let mut rng = Rng::with_seed(seed);
    let mut members = Members::start(deployment)?;
    let pulse = Pulse::of_people(deployment)?;
    let feeding = Feeding::begin(deployment, seed, PER_SECOND)?;
    let mut faults: BTreeMap<Fault, usize> = BTreeMap::new();
    let began = Instant::now();
    while began.elapsed() < time {
        pass(Duration::from_secs(rng.u64(REST)))?;
        let fault = drawn(&mut rng);
        println!("{:>6} s: {fault:?}", began.elapsed().as_secs());
        commit(fault, deployment, &mut members, &mut rng)?;
        *faults.entry(fault).or_default() += 1;
    }
    let end = Instant::now();
    members.complete()?;
    let checker = Checker::new(deployment, &feeding.done()?)?;
    let caught_up = checker.caught_up(end)?;
    let worst = pulse.worst();
    let proof = checker.prove()?;
    members.stop()?;
    Ok(Report { faults, proof, worst, caught_up })
}

fn drawn(rng: &mut Rng) -> Fault {
    let mut left = rng.u8(0..100);
    for (fault, share) in FAULTS {
        match left.checked_sub(share) {
            Some(rest) => left = rest,
            None => return fault,
        }
    }
    Fault::Start
}

fn commit(
    fault: Fault,
    deployment: &Deployment<'_>,
    members: &mut Members<'_>,
    rng: &mut Rng,
) -> Outcome<()> {
    let short = Duration::from_millis(rng.u64(200..4000));
    let line = |line: Line, time: Duration| {
        deployment.ground.proxy.set_line(line);
        let passed = pass(time);
        deployment.ground.proxy.set_line(Line::Open);
        passed
    };
    match fault {
        Fault::Kill => members.kill(rng),
        Fault::End => members.end(rng)?,
        Fault::Start => members.begin(rng)?,
        Fault::Pause => members.pause(rng, short)?,
        Fault::PauseBeyondSession => members.pause(rng, SESSION + short)?,
        Fault::BrokerCrash => {
            deployment.ground.crash_broker();
            deployment.ground.start_broker()?;
        }
        Fault::BrokerAway => {
            deployment.ground.crash_broker();
            pass(SESSION * 2)?;
            deployment.ground.start_broker()?;
        }
        Fault::Cut => line(Line::Cut, short)?,
        Fault::Silence => line(Line::Silent, SESSION + short)?,
    }
    Ok(())
}
