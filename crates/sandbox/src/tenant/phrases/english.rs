//! English, the language of most conversations, has more to say than the others.

use super::{Language, RETURN, Topic};

pub(super) const ENGLISH: Language = Language {
    tag: "en",
    topics: [BILLING, DELIVERY, BOOKING, PASSWORD, RETURNS],
    greetings: &[
        "Hi, this is {name}. How can I help?",
        "Good morning, {name} here. Let me take a look for you.",
        "Thanks for getting in touch. I have your account open, one second please.",
        "Hello! Sorry for the wait. I am reading what you wrote.",
    ],
    general: &[
        ("My reference number is {order}, if that helps.", "It does, thank you. I have found it."),
        (
            "I already wrote to you on the {day}th and nobody answered.",
            "I am sorry about that. I can see your message of the {day}th.",
        ),
        ("Are you a real person or a bot?", "A real person, in {city}, with a cup of cold coffee."),
        ("Can you send me a confirmation in writing?", "Of course, you will have it within the hour."),
        ("How long is this going to take?", "Two or three minutes, I am still checking with my colleague."),
        ("Please hold on, somebody is at the door.", "No problem, take your time."),
        ("Does it matter that I moved to {city}?", "Not at all, I only update the address here. Done."),
        ("I am on the phone app, not on the website.", "That is fine, both show the same."),
        (
            "Could you explain that again in simple words?",
            "Sure: nothing happens until you say yes, and it costs you nothing.",
        ),
    ],
    thanks: &[
        "Thank you, that solves it.",
        "Great, thanks for your help!",
        "Perfect. Have a nice day.",
        "OK, I will try that and come back if it does not work.",
    ],
    goodbyes: &[
        "You are welcome. Have a good day!",
        "Glad I could help. Bye!",
        "Any time. You can reach us here around the clock.",
    ],
    returns: &[
        RETURN,
        "One more thing, I forgot to mention order {order}.",
        "Just to let you know: it arrived in {city} today.",
    ],
};

const BILLING: Topic = Topic {
    openings: &[
        "Hello, I was charged {amount} twice this month.",
        "There is an amount of {amount} on my invoice that I do not understand.",
        "My invoice {order} seems to be wrong, who can check it?",
    ],
    exchanges: &[
        ("Why is it {amount} more than last month?", "The yearly fee of {amount} was added on the {day}th."),
        (
            "When do I get the money back?",
            "The refund of {amount} is on its way, it takes five working days.",
        ),
        ("Can I pay by direct debit instead?", "Yes, I have switched it on from the next invoice."),
        (
            "Did my payment of {amount} arrive?",
            "It did, on the {day}th, and the reminder has been cancelled.",
        ),
    ],
};

const DELIVERY: Topic = Topic {
    openings: &[
        "Where is my parcel? Order {order} should have been here on the {day}th.",
        "The tracking page has said in transit to {city} for a week now.",
        "Hi! My order {order} came without the charger.",
    ],
    exchanges: &[
        ("Which carrier has it?", "It left our depot in {city} on the {day}th and was scanned last night."),
        ("Can the driver leave it with my neighbour?", "I have added that note for the driver."),
        (
            "Nobody rang the bell, I was home all day.",
            "The driver noted a wrong house number. I have corrected it.",
        ),
        ("What if it is lost?", "Then we send a new one at once, at no cost to you."),
    ],
};

const BOOKING: Topic = Topic {
    openings: &[
        "I need to move my booking {order} to the {day}th.",
        "Can I add a second guest to my stay in {city}?",
        "I booked a room in {city} but got no confirmation.",
    ],
    exchanges: &[
        ("Is there anything free on the {day}th?", "Yes, two rooms are left, from {amount} a night."),
        ("Is breakfast included?", "It is, from seven until half past ten."),
        ("What does it cost to cancel?", "Nothing until the {day}th, after that one night."),
        (
            "We arrive late, about eleven in the evening.",
            "I have told the front desk in {city}, somebody will be there.",
        ),
    ],
};

const PASSWORD: Topic = Topic {
    openings: &[
        "I can not log in any more, it says my password is wrong.",
        "Your site wants a code from my old phone, which I no longer have.",
        "The reset mail never arrives. I have tried three times.",
    ],
    exchanges: &[
        (
            "I have looked in the spam folder, nothing there.",
            "I have sent it once more, from another server this time.",
        ),
        (
            "Now it says that the link has expired.",
            "Only the latest link works. Please open the one sent a minute ago.",
        ),
        ("Can you tell me my password?", "No, nobody here can see it. You choose a new one yourself."),
        ("How do I switch off the second step?", "Under settings, security. I would leave it on, though."),
    ],
};

const RETURNS: Topic = Topic {
    openings: &[
        "I would like to return the shoes from order {order}, they are too small.",
        "The lamp arrived broken. What do I do now?",
        "How do I get a return label for order {order}?",
    ],
    exchanges: &[
        ("Do I need the original box?", "No, any solid box will do."),
        ("Who pays for sending it back?", "We do. The label I sent you is already paid."),
        ("Can I have a bigger size instead?", "Yes, it is reserved for you until the {day}th."),
        (
            "I sent it back on the {day}th. Did it arrive?",
            "It reached our warehouse in {city} this morning, you get {amount} back.",
        ),
    ],
};
