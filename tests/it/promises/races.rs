//! Orders of events that an endpoint's test cannot bring about: what was read has changed before it is written.

use domain::account::{Account, LinkedIn, Profile, Subject};
use domain::call::{Call, CallKind, Person, Terms};
use domain::id::{CallId, EpochId, UserId};
use domain::inbox::{Inbox, InboxFact};
use jiff::Timestamp;
use store::{Accounts, Calls, Connections, Versioned};
use testkit::World;

fn linkedin(sub: &str, name: &str, at: Timestamp) -> LinkedIn {
    let subject = Subject { issuer: "https://issuer.example".into(), sub: sub.into() };
    let profile = Profile { name: name.parse().ok(), ..Profile::default() };
    LinkedIn { subject, profile, linked_at: at, token: None }
}

async fn somebody(accounts: &Accounts, number: u8, at: Timestamp) -> Account {
    let linked = linkedin(&number.to_string(), "Old Name", at);
    let account = Account::from_linkedin(UserId::derived([number; 16]), linked.clone(), at);
    let inbox = Inbox::new(EpochId::derived([number; 16]));
    accounts.register_linkedin(&account, &linked.subject, inbox).await.expect("nobody has it");
    account
}

#[tokio::test]
async fn an_invitation_does_not_write_an_old_name_back() {
    let world = World::new().await;
    let at = domain::clock::Clock::now(&*world.clock);
    let (accounts, connections) = (Accounts::new(world.db.clone()), Connections::new(world.db.clone()));
    let (ada, bo) = (somebody(&accounts, 1, at).await, somebody(&accounts, 2, at).await);
    let read = connections.room(bo.id, true, at).await.expect("answers").card.expect("a card");

    let renamed = bo.clone().link(linkedin("2", "New Name", at), at).expect("the same subject");
    accounts.save(&renamed, 1, &bo.name).await.expect("nobody else wrote");

    let person = |account: &Account| Person { user: account.id, name: account.name.clone() };
    let id = CallId::derived([9; 16]);
    let device = "d".parse().expect("a device");
    let (call, facts) =
        Call::start(id, Terms::free(CallKind::Audio), person(&ada), &device, vec![person(&bo)], at).expect("a call");
    let Versioned { mut value, version } = read;
    value.inbox = value.inbox.with(InboxFact::CallInvited { call: id }, at);
    let begun = Calls::new(world.db.clone()).begin(&call, &facts, &[Versioned { value, version }], None, None).await;
    assert!(begun.expect_err("the card has changed").is_stale());
    let card = connections.room(bo.id, true, at).await.expect("answers").card.expect("a card").value;
    assert_eq!((card.name.as_str(), card.inbox.head), ("New Name", 0));
}

#[tokio::test]
async fn unlinking_removes_only_ones_own_login() {
    let world = World::new().await;
    let at = domain::clock::Clock::now(&*world.clock);
    let accounts = Accounts::new(world.db.clone());
    let (ada, bo) = (somebody(&accounts, 1, at).await, somebody(&accounts, 2, at).await);
    let theirs = bo.linkedin.clone().expect("linked").subject;
    let unlinked = Account { linkedin: None, ..ada };
    assert!(accounts.unlink(&unlinked, 1, &theirs).await.expect_err("it is not hers").is_stale());
    assert_eq!(accounts.by_linkedin(&theirs).await.expect("answers"), Some(bo.id));
}

#[tokio::test]
async fn a_call_that_was_answered_in_the_last_moment_is_not_ended_by_a_late_reader() {
    let world = World::new().await;
    let at = domain::clock::Clock::now(&*world.clock);
    let accounts = Accounts::new(world.db.clone());
    let (ada, bo) = (somebody(&accounts, 1, at).await, somebody(&accounts, 2, at).await);
    let person = |account: &Account| Person { user: account.id, name: account.name.clone() };
    let (id, calls) = (CallId::derived([9; 16]), Calls::new(world.db.clone()));
    let device: domain::text::DeviceId = "d".parse().expect("a device");
    let (call, facts) =
        Call::start(id, Terms::free(CallKind::Audio), person(&ada), &device, vec![person(&bo)], at).expect("a call");
    calls.begin(&call, &facts, &[], None, None).await.expect("nobody has it");
    let read = calls.find(id, true).await.expect("answers").expect("is there");
    let (answered, joined) = call.join(bo.id, &device, None, at).expect("it rings");
    calls.save(&answered, &joined, 1).await.expect("nobody else wrote");
    let switchboard =
        store::Switchboard { calls, connections: Connections::new(world.db.clone()), courier: world.mailbox.clone() };
    let late = at + domain::limit::RING;
    assert_eq!(switchboard.settle(read, late).await.expect("answers").connected_at(), Some(at));
}
