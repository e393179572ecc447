//! Every setting: its name in a profile, its variables, its default.

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// The name in a profile.
    pub name: &'static str,
    /// The environment variables that set it, first one first.
    pub environment: &'static [&'static str],
    /// Whether the value must never be shown.
    pub secret: bool,
    /// The built-in value.
    pub default: Option<&'static str>,
    /// What it is, in one line.
    pub about: &'static str,
}

const fn key(name: &'static str, environment: &'static [&'static str], about: &'static str) -> Key {
    Key { name, environment, secret: false, default: None, about }
}

const fn key_or(
    name: &'static str,
    environment: &'static [&'static str],
    default: &'static str,
    about: &'static str,
) -> Key {
    Key { name, environment, secret: false, default: Some(default), about }
}

/// Every setting there is, in the order in which help shows them. The order of each key's variables is the
/// contract's (§1): ours, the documents', the vendor tools'.
pub const KEYS: &[Key] = &[
    key(
        "contract",
        &["FRONTDESK_CONTRACT"],
        "which API is spoken: gateway, or platform, which a region implies",
    ),
    key(
        "base_url",
        &["FRONTDESK_BASE_URL", "GENESYS_TENANT_URL"],
        "where the API is, without a trailing path",
    ),
    key(
        "region",
        &["FRONTDESK_REGION", "GENESYSCLOUD_REGION"],
        "the platform's region, such as eu_central_1 or its domain; with contract gateway: https://api.{region}.mygenesys.com",
    ),
    key(
        "login_url",
        &["FRONTDESK_LOGIN_URL"],
        "where tokens come from; by default the base URL, on the platform the login host beside it",
    ),
    key(
        "client_id",
        &["FRONTDESK_CLIENT_ID", "GENESYS_CLIENT_ID", "GENESYSCLOUD_OAUTHCLIENT_ID"],
        "the OAuth client",
    ),
    Key {
        name: "client_secret",
        environment: &["FRONTDESK_CLIENT_SECRET", "GENESYS_CLIENT_SECRET", "GENESYSCLOUD_OAUTHCLIENT_SECRET"],
        secret: true,
        default: None,
        about: "the OAuth client's secret; never a flag",
    },
    key_or(
        "client_style",
        &["FRONTDESK_CLIENT_STYLE"],
        "basic",
        "how credentials are sent: basic, form or json; the platform takes basic only",
    ),
    key(
        "scopes",
        &["FRONTDESK_SCOPES"],
        "OAuth scopes, separated by spaces; by default those of the command, on the platform none",
    ),
    key_or("organization_id", &["FRONTDESK_ORGANIZATION_ID"], "default", "whose archive this is"),
    key("data_dir", &["FRONTDESK_DATA_DIR"], "where everything is kept; default: $XDG_DATA_HOME/frontdesk"),
    key(
        "journal_key_file",
        &["FRONTDESK_JOURNAL_KEY_FILE"],
        "the keys that sign the journal, readable by you alone; default: journal/keys, made on first use",
    ),
    key_or("segment_size", &["FRONTDESK_SEGMENT_SIZE"], "64MiB", "packed size at which a segment is sealed"),
    key_or(
        "events_kept",
        &["FRONTDESK_EVENTS_KEPT"],
        "30d",
        "how long delivered events and settled intents are kept in the journal",
    ),
    key_or(
        "media_limit",
        &["FRONTDESK_MEDIA_LIMIT"],
        "100MiB",
        "the largest file of a message that is saved",
    ),
    key_or(
        "search_index",
        &["FRONTDESK_SEARCH_INDEX"],
        "on",
        "whether the search index is kept: on, or off (exact all the same, and slow)",
    ),
    key_or(
        "look_back",
        &["FRONTDESK_LOOK_BACK"],
        "72h",
        "how long a conversation may still change after it started",
    ),
    key_or(
        "threading_window",
        &["FRONTDESK_THREADING_WINDOW"],
        "72h",
        "how long after its end a message may be threaded into a conversation of the platform",
    ),
    key_or(
        "details_by",
        &["FRONTDESK_DETAILS_BY"],
        "auto",
        "how the platform is asked for conversations: query, jobs, or auto, by how many there are",
    ),
    key_or(
        "details_jobs_above",
        &["FRONTDESK_DETAILS_JOBS_ABOVE"],
        "10000",
        "with auto: a job for more conversations than this, where a job's data reach that far",
    ),
    key_or(
        "details_query_days",
        &["FRONTDESK_DETAILS_QUERY_DAYS"],
        "7",
        "days of one query on the platform, 1 to 31",
    ),
    key_or(
        "details_job_page",
        &["FRONTDESK_DETAILS_JOB_PAGE"],
        "1000",
        "conversations on a page of a job's results, 1 to 10000",
    ),
    key("pull_every", &["FRONTDESK_PULL_EVERY"], "how often serve pulls; not set: it does not"),
    key_or("pull_range", &["FRONTDESK_PULL_RANGE"], "7d", "how far back each of these pulls looks"),
    key(
        "retention",
        &["FRONTDESK_RETENTION"],
        "retention policies: tables [[profiles.NAME.retention]]; as a variable a JSON list of the same",
    ),
    key_or(
        "clock_jump",
        &["FRONTDESK_CLOCK_JUMP"],
        "24h",
        "how far the clock may be ahead of the archive's last time before nothing is removed",
    ),
    key_or(
        "retain_every",
        &["FRONTDESK_RETAIN_EVERY"],
        "24h",
        "how often serve removes what is due by the profile's policies; without policies it removes nothing",
    ),
    key(
        "verify_every",
        &["FRONTDESK_VERIFY_EVERY"],
        "how often serve compares some records with their hashes; not set: it does not",
    ),
    key_or(
        "verify_sample",
        &["FRONTDESK_VERIFY_SAMPLE"],
        "1000",
        "how many records that are, chosen anew each time",
    ),
    key_or("sla_threshold", &["FRONTDESK_SLA_THRESHOLD"], "10s", "within which time a message is to arrive"),
    key_or("poll_interval", &["FRONTDESK_POLL_INTERVAL"], "2s", "time between two looks at a conversation"),
    key_or(
        "poll_count",
        &["FRONTDESK_POLL_COUNT"],
        "10",
        "looks that a message is included in before it is given up",
    ),
    key_or(
        "pii_key_mode",
        &["FRONTDESK_PII_KEY_MODE"],
        "contains",
        "when the name of an attribute says that it holds personal data: contains, or words",
    ),
    key(
        "pii_allow_keys",
        &["FRONTDESK_PII_ALLOW_KEYS"],
        "names of attributes that are free all the same, separated by commas or spaces",
    ),
    key(
        "pii_actions",
        &["FRONTDESK_PII_ACTIONS"],
        "what is done about personal data, such as phone=warn,ip=allow; the rest is blocked",
    ),
    key(
        "pii_default_region",
        &["FRONTDESK_PII_DEFAULT_REGION"],
        "the region of phone numbers without a +, such as DE; not set: they are not looked for",
    ),
    key_or(
        "local_addresses",
        &["FRONTDESK_LOCAL_ADDRESSES"],
        "refuse",
        "whether webhooks and media may lead into this machine and its network: refuse, or allow",
    ),
    key(
        "deployment_id",
        &["FRONTDESK_DEPLOYMENT_ID"],
        "platform: the web deployment through which guests come in",
    ),
    key(
        "open_integration_id",
        &["FRONTDESK_OPEN_INTEGRATION_ID"],
        "platform: the open-messaging integration through which guests come in, instead of a web deployment",
    ),
    key(
        "guest_origin",
        &["FRONTDESK_GUEST_ORIGIN"],
        "platform: one of the deployment's allowed domains as an origin, such as https://shop.example",
    ),
    key(
        "guest_first_text",
        &["FRONTDESK_GUEST_FIRST_TEXT"],
        "platform: what a guest says first, over open messaging or where a deployment starts no conversation by itself",
    ),
    key(
        "guest_socket_url",
        &["FRONTDESK_GUEST_SOCKET_URL"],
        "platform: where the guests' WebSocket is; default: beside the API, or as the region says",
    ),
    key(
        "wrapup_codes",
        &["FRONTDESK_WRAPUP_CODES"],
        "platform: the wrap-up code ids that stand for closure reasons, such as timeout=ID,agent_initiated=ID",
    ),
    key(
        "notification_queues",
        &["FRONTDESK_NOTIFICATION_QUEUES"],
        "platform: ids of queues, separated by commas, of whose guests serve and webhook listen hear over a notification channel",
    ),
    key(
        "callback_url",
        &["FRONTDESK_CALLBACK_URL", "WEBHOOK_CALLBACK_URL"],
        "where the platform reaches the listener for callbacks, as webhook register tells it",
    ),
    key(
        "callback_key_file",
        &["FRONTDESK_CALLBACK_KEY_FILE"],
        "the keys (whsec_...) callbacks are signed with, one a line, readable by you alone; without it none is verified",
    ),
    key_or(
        "callback_respond",
        &["FRONTDESK_CALLBACK_RESPOND"],
        "after_storing",
        "when a callback is answered: after_storing, or after_delivery to the CRM",
    ),
    key(
        "crm_endpoint",
        &["FRONTDESK_CRM_ENDPOINT", "CRM_SYNC_ENDPOINT"],
        "the CRM that is told of sessions that were opened; with it serve takes callbacks",
    ),
    key(
        "crm_key_file",
        &["FRONTDESK_CRM_KEY_FILE"],
        "the key that signs what the CRM is told, readable by you alone; default: journal/crm.key, made on first use",
    ),
    key(
        "rate",
        &["FRONTDESK_RATE"],
        "requests a second to start with, never passed; a lower limit that the server states replaces it",
    ),
    key("ca_file", &["FRONTDESK_CA_FILE"], "a PEM file with a root certificate to trust beside the system's"),
    key("proxy", &["FRONTDESK_PROXY"], "an HTTP proxy; the usual proxy variables are not read"),
    key_or("timeout_connect", &["FRONTDESK_TIMEOUT_CONNECT"], "5s", "longest wait for a connection"),
    key_or("timeout_token", &["FRONTDESK_TIMEOUT_TOKEN"], "10s", "longest wait for a token's response head"),
    key_or("timeout_head", &["FRONTDESK_TIMEOUT_HEAD"], "15s", "longest wait for any other response head"),
    key_or("timeout_idle", &["FRONTDESK_TIMEOUT_IDLE"], "10s", "longest pause within a response body"),
    key_or(
        "timeout_call",
        &["FRONTDESK_TIMEOUT_CALL"],
        "2m",
        "longest time for one call with all its attempts",
    ),
];
