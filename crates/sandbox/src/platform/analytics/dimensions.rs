//! The names that filters may use (C.7.2).

/// What predicates of conversation filters can be about.
const CONVERSATION: &str = "accessAttribute conversationEnd conversationId conversationInitiator conversationStart \
    customerParticipation divisionId externalTag mediaStatsMinConversationMos originatingDirection \
    originatingSocialMediaPublic";

/// What predicates of segment filters can be about.
const SEGMENT: &str = "addressFrom addressTo agentAssistantId agentOwned ani authenticated bargedParticipantId \
    callbackNumber callbackScheduledTime canonicalExternalContactId cleared coachedParticipantId conference \
    deliveryPushed deliveryStatus destinationAddress destinationConversationId detectedSpeechEnd \
    detectedSpeechStart direction disconnectType dnis edgeId engagementSource errorCode exitReason \
    extendedDeliveryStatus externalContactId externalOrganizationId flaggedReason flowId flowName flowOutType \
    flowOutcome flowOutcomeId flowOutcomeValue flowVersion groupId journeyActionId journeyActionMapId \
    journeyCustomerId journeyCustomerIdType journeyCustomerSessionId mediaCount mediaType messageType \
    monitoredParticipantId outboundCampaignId outboundContactId outboundContactListId participantName \
    protocolCallId provider purpose queueId recording remote remoteNameDisplayable requestedLanguageId \
    requestedRouting requestedRoutingSkillId scoredAgentId screenMonitoredUserId screenRecording scriptId \
    segmentEnd segmentType sessionDnis sipResponseCode skillExpressionId snippetRecording subject teamId \
    transferTargetAddress transferTargetName transferType usedRouting userId wrapUpCode wrapUpNote";

/// Metrics of a whole conversation begin with one of these.
const METRIC: [char; 3] = ['n', 'o', 't'];

pub(super) fn is_of_conversation(name: &str) -> bool {
    CONVERSATION.split_whitespace().any(|known| known == name)
}

pub(super) fn is_of_segment(name: &str) -> bool {
    SEGMENT.split_whitespace().any(|known| known == name)
}

pub(super) fn is_metric(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|first| METRIC.contains(&first))
        && letters.next().is_some_and(char::is_uppercase)
        && name.chars().all(char::is_alphanumeric)
}

/// The key under which a record holds a dimension, where that is another word.
pub(super) fn key(dimension: &str) -> &str {
    match dimension {
        "accessAttribute" => "accessAttributes",
        "divisionId" => "divisionIds",
        "requestedRouting" => "requestedRoutings",
        "requestedRoutingSkillId" => "requestedRoutingSkillIds",
        "destinationAddress" => "destinationAddresses",
        "callbackNumber" => "callbackNumbers",
        "sipResponseCode" => "sipResponseCodes",
        other => other,
    }
}
