"""Accepting a mass message: once this has been committed, it will be sent."""

from uuid import UUID

from outbound_sms.domain.errors import Reason, WrongState
from outbound_sms.services.mass_message_plan import Plan
from outbound_sms.store import audience, bodies, mass_messages
from outbound_sms.store.bodies import NewBody
from outbound_sms.store.pool import Connection


async def accept(db: Connection, instance_id: UUID, plan: Plan) -> UUID:
    """Stores the mass message with its texts, in the caller's transaction; returns its id.

    Raises WrongState (NO_RECIPIENTS), and InvalidRequest when somebody's text cannot be sent.
    """
    meant = plan.spec.audience
    if not await audience.has_recipients(db, instance_id, meant):
        accounts = await audience.count_accounts(db, instance_id, meant)
        raise WrongState(
            Reason.NO_RECIPIENTS,
            "Nobody of this audience can be texted; PreviewMassMessage says why.",
            accounts=str(accounts),
        )
    for key in plan.refused:
        if await audience.has_recipients(db, instance_id, meant, *key):
            raise plan.refusal(key)
    mass_message_id = await mass_messages.insert_mass_message(
        db, instance_id, plan.accepted(), plan.prices.version
    )
    texts = [
        NewBody(company_id=company_id, language=language, body=rendered.body)
        for (company_id, language), rendered in plan.texts.items()
    ]
    await bodies.insert_bodies(db, instance_id, mass_message_id, texts)
    return mass_message_id
