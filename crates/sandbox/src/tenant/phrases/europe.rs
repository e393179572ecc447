//! German, French, Spanish and Greek.

use super::{Language, Topic};

pub(super) const GERMAN: Language = Language {
    tag: "de",
    topics: [
        Topic {
            openings: &[
                "Guten Tag, mir wurden {amount} Euro doppelt abgebucht.",
                "Die Rechnung {order} stimmt nicht.",
            ],
            exchanges: &[
                (
                    "Wann bekomme ich das Geld zurück?",
                    "Die {amount} Euro sind spätestens am {day}. auf Ihrem Konto.",
                ),
                ("Warum ist es diesmal mehr?", "Am {day}. kam die Jahresgebühr von {amount} Euro dazu."),
            ],
        },
        Topic {
            openings: &[
                "Wo bleibt mein Paket? Bestellung {order}.",
                "Laut Verfolgung steht mein Paket seit Tagen in {city}.",
            ],
            exchanges: &[
                ("Kann es beim Nachbarn abgegeben werden?", "Ja, ich habe es für den Fahrer vermerkt."),
                ("Und wenn es verloren ist?", "Dann schicken wir sofort und kostenlos ein neues."),
            ],
        },
        Topic {
            openings: &[
                "Ich möchte meine Buchung {order} auf den {day}. verschieben.",
                "Für {city} habe ich keine Bestätigung erhalten.",
            ],
            exchanges: &[
                ("Ist am {day}. noch etwas frei?", "Ja, zwei Zimmer ab {amount} Euro."),
                ("Ist das Frühstück dabei?", "Ja, von sieben bis halb elf."),
            ],
        },
        Topic {
            openings: &[
                "Ich komme nicht mehr in mein Konto, das Passwort sei falsch.",
                "Die E-Mail zum Zurücksetzen kommt nicht an.",
            ],
            exchanges: &[
                ("Im Spam-Ordner ist auch nichts.", "Ich schicke sie noch einmal von einem anderen Server."),
                (
                    "Der Link ist angeblich abgelaufen.",
                    "Nur der neueste gilt, bitte öffnen Sie den von eben.",
                ),
            ],
        },
        Topic {
            openings: &[
                "Ich möchte die Schuhe aus Bestellung {order} zurückgeben.",
                "Die Lampe ist zerbrochen angekommen.",
            ],
            exchanges: &[
                ("Brauche ich den Originalkarton?", "Nein, jeder feste Karton genügt."),
                ("Wer zahlt das Porto?", "Wir. Das Etikett ist schon bezahlt."),
            ],
        },
    ],
    greetings: &[
        "Guten Tag, hier ist {name}. Wie kann ich helfen?",
        "Grüß Gott, ich sehe gleich nach.",
        "Entschuldigen Sie die Wartezeit, ich lese gerade.",
    ],
    general: &[
        ("Meine Nummer ist {order}.", "Danke, ich habe den Vorgang gefunden."),
        ("Ich habe schon am {day}. geschrieben.", "Das tut mir leid, ich sehe Ihre Nachricht."),
        ("Spreche ich mit einem Menschen?", "Ja, mit {name} aus {city}."),
        ("Bekomme ich das schriftlich?", "Natürlich, innerhalb einer Stunde."),
        ("Wie lange dauert das noch?", "Zwei, drei Minuten, ich frage gerade die Kollegin."),
        ("Moment bitte, es klingelt.", "Kein Problem, ich warte."),
        ("Ich bin nach {city} umgezogen, ist das wichtig?", "Nein, ich ändere nur die Adresse. Erledigt."),
        ("Ich benutze die App.", "Das macht keinen Unterschied."),
        ("Können Sie das einfacher erklären?", "Gern: Es passiert nichts, bevor Sie zustimmen."),
    ],
    thanks: &[
        "Vielen Dank, das war sehr hilfreich.",
        "Super, danke schön!",
        "Gut, ich probiere es und melde mich sonst.",
    ],
    goodbyes: &["Gern geschehen. Schönen Tag noch!", "Freut mich, tschüss!"],
    returns: &[
        "Ich bin es noch einmal: es geht immer noch nicht.",
        "Noch etwas: es geht auch um Bestellung {order}.",
    ],
};

pub(super) const FRENCH: Language = Language {
    tag: "fr",
    topics: [
        Topic {
            openings: &[
                "Bonjour, on m'a prélevé {amount} euros deux fois.",
                "Je ne comprends pas la facture {order}.",
            ],
            exchanges: &[
                ("Quand serai-je remboursé ?", "Les {amount} euros arriveront avant le {day}."),
                (
                    "Pourquoi est-ce plus cher ce mois-ci ?",
                    "Les frais annuels de {amount} euros se sont ajoutés le {day}.",
                ),
            ],
        },
        Topic {
            openings: &[
                "Où est mon colis ? Commande {order}.",
                "Le suivi affiche {city} depuis une semaine.",
            ],
            exchanges: &[
                ("Peut-on le laisser chez le voisin ?", "Oui, c'est noté pour le livreur."),
                ("Et s'il est perdu ?", "Nous en renvoyons un autre, sans frais."),
            ],
        },
        Topic {
            openings: &[
                "Je voudrais déplacer ma réservation {order} au {day}.",
                "Je n'ai reçu aucune confirmation pour {city}.",
            ],
            exchanges: &[
                ("Reste-t-il une chambre le {day} ?", "Oui, deux, à partir de {amount} euros."),
                ("Le petit déjeuner est-il compris ?", "Oui, de sept heures à dix heures et demie."),
            ],
        },
        Topic {
            openings: &[
                "Impossible de me connecter, mon mot de passe serait faux.",
                "Le courriel de réinitialisation n'arrive jamais.",
            ],
            exchanges: &[
                ("Il n'y a rien dans les indésirables.", "Je vous le renvoie depuis un autre serveur."),
                ("Le lien aurait expiré.", "Seul le dernier est valable, celui d'il y a une minute."),
            ],
        },
        Topic {
            openings: &[
                "Je souhaite rendre les chaussures de la commande {order}.",
                "La lampe est arrivée cassée.",
            ],
            exchanges: &[
                ("Faut-il la boîte d'origine ?", "Non, n'importe quel carton solide convient."),
                ("Qui paie le retour ?", "C'est nous, l'étiquette est déjà payée."),
            ],
        },
    ],
    greetings: &[
        "Bonjour, ici {name}. Comment puis-je vous aider ?",
        "Merci de votre message, je regarde tout de suite.",
    ],
    general: &[
        ("Mon numéro est le {order}.", "Merci, j'ai trouvé le dossier."),
        ("J'ai déjà écrit le {day}.", "Je suis désolé, je vois bien votre message."),
        ("Êtes-vous une vraie personne ?", "Oui, {name}, à {city}."),
        ("Puis-je l'avoir par écrit ?", "Bien sûr, dans l'heure."),
        ("Ce sera encore long ?", "Deux ou trois minutes, je vérifie."),
        ("Un instant, on sonne à la porte.", "Je vous en prie, prenez votre temps."),
        ("J'ai déménagé à {city}, est-ce gênant ?", "Pas du tout, l'adresse est à jour."),
        ("J'utilise l'application.", "C'est pareil."),
        ("Pourriez-vous l'expliquer plus simplement ?", "Rien ne se passe avant votre accord."),
    ],
    thanks: &[
        "Merci beaucoup, c'est réglé.",
        "Parfait, merci de votre aide !",
        "D'accord, j'essaie et je reviens si besoin.",
    ],
    goodbyes: &["Avec plaisir, bonne journée !", "Ravi d'avoir pu aider, au revoir."],
    returns: &["C'est encore moi : ça ne marche toujours pas.", "J'oubliais la commande {order}."],
};

pub(super) const SPANISH: Language = Language {
    tag: "es",
    topics: [
        Topic {
            openings: &["Hola, me han cobrado {amount} euros dos veces.", "No entiendo la factura {order}."],
            exchanges: &[
                ("¿Cuándo me devuelven el dinero?", "Los {amount} euros llegarán antes del día {day}."),
                (
                    "¿Por qué es más que el mes pasado?",
                    "El día {day} se añadió la cuota anual de {amount} euros.",
                ),
            ],
        },
        Topic {
            openings: &[
                "¿Dónde está mi paquete? Pedido {order}.",
                "El seguimiento dice {city} desde hace una semana.",
            ],
            exchanges: &[
                ("¿Pueden dejarlo con el vecino?", "Sí, ya lo he anotado para el conductor."),
                ("¿Y si se ha perdido?", "Entonces enviamos otro sin coste."),
            ],
        },
        Topic {
            openings: &[
                "Quiero cambiar mi reserva {order} al día {day}.",
                "No me llegó la confirmación de {city}.",
            ],
            exchanges: &[
                ("¿Queda algo libre el día {day}?", "Sí, dos habitaciones desde {amount} euros."),
                ("¿El desayuno está incluido?", "Sí, de siete a diez y media."),
            ],
        },
        Topic {
            openings: &[
                "No puedo entrar, dice que la contraseña es incorrecta.",
                "El correo para restablecer no llega nunca.",
            ],
            exchanges: &[
                ("En el correo no deseado no hay nada.", "Se lo envío otra vez desde otro servidor."),
                ("Ahora dice que el enlace ha caducado.", "Solo vale el último, el de hace un minuto."),
            ],
        },
        Topic {
            openings: &["Quiero devolver los zapatos del pedido {order}.", "La lámpara ha llegado rota."],
            exchanges: &[
                ("¿Necesito la caja original?", "No, sirve cualquier caja resistente."),
                ("¿Quién paga el envío?", "Nosotros, la etiqueta ya está pagada."),
            ],
        },
    ],
    greetings: &["Hola, soy {name}. ¿En qué puedo ayudarle?", "Gracias por escribir, lo miro ahora mismo."],
    general: &[
        ("Mi número es {order}.", "Gracias, ya lo he encontrado."),
        ("Ya escribí el día {day}.", "Lo siento, aquí veo su mensaje."),
        ("¿Es usted una persona?", "Sí, {name}, desde {city}."),
        ("¿Me lo puede enviar por escrito?", "Claro, en menos de una hora."),
        ("¿Tardará mucho?", "Dos o tres minutos, estoy preguntando."),
        ("Un momento, llaman a la puerta.", "Sin problema, espero."),
        ("Me he mudado a {city}, ¿importa?", "No, solo actualizo la dirección. Listo."),
        ("Estoy en la aplicación.", "Da igual, se ve lo mismo."),
        ("¿Me lo explica más fácil?", "No pasa nada hasta que usted diga que sí."),
    ],
    thanks: &["Muchas gracias, ya está resuelto.", "¡Genial, gracias!", "Vale, lo intento y si no, vuelvo."],
    goodbyes: &["De nada, ¡que tenga un buen día!", "Un placer, hasta luego."],
    returns: &["Soy yo otra vez: sigue sin funcionar.", "Se me olvidó el pedido {order}."],
};

pub(super) const GREEK: Language = Language {
    tag: "el",
    topics: [
        Topic {
            openings: &[
                "Καλημέρα, χρεώθηκα {amount} ευρώ δύο φορές.",
                "Δεν καταλαβαίνω το τιμολόγιο {order}.",
            ],
            exchanges: &[
                (
                    "Πότε θα πάρω πίσω τα χρήματα;",
                    "Τα {amount} ευρώ θα είναι στον λογαριασμό σας ως τις {day}.",
                ),
                ("Γιατί είναι περισσότερα αυτόν τον μήνα;", "Στις {day} προστέθηκε η ετήσια συνδρομή."),
            ],
        },
        Topic {
            openings: &[
                "Πού είναι το δέμα μου; Παραγγελία {order}.",
                "Το δέμα είναι εδώ και μια εβδομάδα στο {city}.",
            ],
            exchanges: &[
                ("Μπορεί να το αφήσει στον γείτονα;", "Ναι, το σημείωσα για τον οδηγό."),
                ("Κι αν έχει χαθεί;", "Τότε στέλνουμε αμέσως άλλο, χωρίς χρέωση."),
            ],
        },
        Topic {
            openings: &[
                "Θέλω να αλλάξω την κράτηση {order} στις {day}.",
                "Δεν έλαβα επιβεβαίωση για {city}.",
            ],
            exchanges: &[
                ("Υπάρχει κάτι ελεύθερο στις {day};", "Ναι, δύο δωμάτια από {amount} ευρώ."),
                ("Περιλαμβάνεται πρωινό;", "Ναι, από τις επτά ως τις δέκα και μισή."),
            ],
        },
        Topic {
            openings: &["Δεν μπορώ να συνδεθώ, λέει λάθος κωδικός.", "Το μήνυμα επαναφοράς δεν έρχεται."],
            exchanges: &[
                ("Ούτε στα ανεπιθύμητα είναι.", "Το στέλνω ξανά από άλλον διακομιστή."),
                ("Λέει πως ο σύνδεσμος έληξε.", "Ισχύει μόνο ο τελευταίος, αυτός πριν από ένα λεπτό."),
            ],
        },
        Topic {
            openings: &["Θέλω να επιστρέψω τα παπούτσια της παραγγελίας {order}.", "Η λάμπα ήρθε σπασμένη."],
            exchanges: &[
                ("Χρειάζεται το αρχικό κουτί;", "Όχι, αρκεί ένα γερό κουτί."),
                ("Ποιος πληρώνει την επιστροφή;", "Εμείς, η ετικέτα είναι ήδη πληρωμένη."),
            ],
        },
    ],
    greetings: &[
        "Καλησπέρα, είμαι η {name}. Πώς μπορώ να βοηθήσω;",
        "Ευχαριστούμε για το μήνυμα, το κοιτάζω αμέσως.",
    ],
    general: &[
        ("Ο αριθμός μου είναι {order}.", "Ευχαριστώ, το βρήκα."),
        ("Έγραψα ήδη στις {day}.", "Λυπάμαι, βλέπω το μήνυμά σας."),
        ("Μιλάω με άνθρωπο;", "Ναι, με λένε {name}."),
        ("Μπορώ να το έχω γραπτώς;", "Βεβαίως, μέσα σε μία ώρα."),
        ("Θα αργήσει πολύ;", "Δύο τρία λεπτά, το ελέγχω."),
        ("Μια στιγμή, χτυπάει η πόρτα.", "Κανένα πρόβλημα, περιμένω."),
        ("Μετακόμισα στο {city}, πειράζει;", "Όχι, αλλάζω μόνο τη διεύθυνση. Έτοιμο."),
        ("Είμαι στην εφαρμογή.", "Είναι το ίδιο."),
        ("Μπορείτε να το πείτε πιο απλά;", "Δεν γίνεται τίποτα πριν πείτε ναι."),
    ],
    thanks: &["Ευχαριστώ πολύ, λύθηκε.", "Τέλεια, ευχαριστώ!", "Εντάξει, θα το δοκιμάσω."],
    goodbyes: &["Παρακαλώ, καλή σας μέρα!", "Χάρηκα που βοήθησα, γεια σας."],
    returns: &["Πάλι εγώ: ακόμα δεν δουλεύει.", "Ξέχασα την παραγγελία {order}."],
};
