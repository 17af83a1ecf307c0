"""The words of PayPal's activity download in English, German, French and Spanish: headings, kinds, states. PayPal has
changed them over the years, so each has several. Compared without case, accents and punctuation."""

from __future__ import annotations

from handlers.paypal.reports_codes import (
    CHARGEBACK,
    PAYMENT,
    PREAPPROVED_PAYMENT,
    REFUND,
    REVERSAL,
    SUBSCRIPTION_PAYMENT,
)
from handlers.reports import plain


def _by_word(table: dict[str, tuple[str, ...]]) -> dict[str, str]:
    return {plain(word): meaning for meaning, words in table.items() for word in words}


HEADINGS = _by_word(
    {
        "date": ("Date", "Datum", "Fecha"),
        "time": ("Time", "Uhrzeit", "Heure", "Hora"),
        "zone": ("TimeZone", "Time Zone", "Zeitzone", "Fuseau horaire", "Zona horaria", "Huso horario"),
        "type": ("Type", "Typ", "Tipo", "Description", "Beschreibung", "Descripción"),
        "status": ("Status", "État", "Statut", "Estado"),
        "currency": ("Currency", "Währung", "Devise", "Divisa", "Moneda"),
        "gross": ("Gross", "Brutto", "Avant commission", "Brut", "Bruto"),
        "fee": ("Fee", "Gebühr", "Commission", "Frais", "Comisión", "Tarifa"),
        "id": (
            *("Transaction ID", "Transaktionscode", "Numéro de transaction"),
            *("Nº de transaction", "Id. de transacción"),
        ),
        "email": (
            *("From Email Address", "Absender E-Mail-Adresse", "De l'adresse email", "Adresse email de l'expéditeur"),
            *("Correo electrónico del remitente",),
            *("Dirección de correo electrónico del remitente", "Desde la dirección de correo electrónico"),
        ),
        "reference": (
            *("Reference Txn ID", "Zugehöriger Transaktionscode", "Ref Transaktionscode"),
            *("Numéro de la transaction de référence", "Nº de transaction de référence", "Id. de referencia de trans."),
            *("Id. de transacción de referencia",),
        ),
        "invoice": (
            *("Invoice Number", "Invoice ID", "Rechnungsnummer", "Numéro de facture", "Identifiant de facture"),
            *("Nº de facture", "Número de factura", "Id. de factura"),
        ),
        "custom": (
            *("Custom Number", "Custom", "Zollnummer", "Numéro de client"),
            *("Nº de client", "Número de cliente", "Número personalizado"),
        ),
        "tax": ("Sales Tax", "Umsatzsteuer", "TVA", "Impuesto de ventas", "Impuesto sobre las ventas"),
        "impact": (
            *("Balance Impact", "Auswirkung auf Guthaben", "Impact sur le solde"),
            *("Repercusiones en el saldo", "Impacto en el saldo"),
        ),
        "code": (
            *("Transaction Event Code", "Transaktionsereigniscode"),
            *("Code de transaction", "Code d'événement de transaction"),
            *("Código de evento de transacción",),
        ),
    }
)  # fmt: skip

KINDS = _by_word(
    {
        SUBSCRIPTION_PAYMENT: (
            *("Subscription Payment", "Recurring Payment", "Recurring Payment Received", "Abonnementzahlung"),
            *("Abonnementszahlung", "Zahlung eines Abonnements", "Paiement d'abonnement", "Paiement récurrent"),
            *("Pago de suscripción", "Pago de una suscripción", "Pago periódico"),
        ),
        PREAPPROVED_PAYMENT: (
            *("PreApproved Payment Bill User Payment", "Preapproved Payment"),
            *("Zahlung im Einzugsverfahren mit Zahlungsrechnung", "Von Nutzer genehmigte Zahlung im Voraus"),
            *("Paiement préapprouvé d'un utilisateur de facture de paiement", "Paiement préapprouvé"),
            *("Pago con Pago de usuario de BillPay preaprobado", "Pago de usuario de BillPay preaprobado"),
        ),
        PAYMENT: (
            *("General Payment", "Payment", "Payment Received", "Website Payment", "Web Accept Payment Received"),
            *("Website Payments Standard Payment", "Website Payments Pro Payment", "Express Checkout Payment"),
            *("Express Checkout Payment Received", "Mobile Payment"),
            *("Virtual Terminal Payment", "Shopping Cart Payment Received"),
            *("Allgemeine Zahlung", "Website-Zahlung", "PayPal Express-Zahlung", "Handyzahlung", "Zahlung erhalten"),
            *("Paiement général", "Paiement standard", "Paiement sur site marchand", "Paiement Express Checkout"),
            *("Paiement via PayPal Express Checkout", "Paiement sur mobile", "Paiement mobile", "Paiement reçu"),
            *("Pago general", "Pago en sitio web", "Pago del sitio web", "Pago exprés", "Pago con Pago exprés"),
            *("Pago Express Checkout", "Pago móvil", "Pago recibido"),
        ),
        REFUND: (
            *("Payment Refund", "Refund", "Partial Refund", "Rückzahlung", "Zahlungsrückzahlung", "Erstattung"),
            *("Teilrückzahlung", "Remboursement de paiement", "Remboursement", "Remboursement partiel"),
            *("Reembolso de pago", "Reembolso", "Reembolso parcial", "Devolución de pago"),
        ),
        REVERSAL: (
            *("Payment Reversal", "Reversal", "Rückbuchung", "Zahlungsrückbuchung", "Annulation de paiement"),
            *("Annulation du paiement", "Cancelación de pago", "Anulación de pago", "Reversión de pago"),
        ),
        CHARGEBACK: (
            *("Chargeback", "Chargeback Settlement", "Rückbelastung", "Kreditkartenrückbuchung", "Rétrofacturation"),
            *("Opposition à un paiement", "Rejet de paiement", "Contracargo", "Retrocargo", "Devolución de cargo"),
        ),
    }
)  # fmt: skip

STATES = _by_word(
    {
        "S": (
            *("Completed", "Cleared", "Partially Refunded"),
            *("Paid", "Abgeschlossen", "Gebucht", "Teilweise zurückgezahlt"),
            *("Teilweise erstattet", "Terminé", "Effectué", "Complété", "Partiellement remboursé", "Completado"),
            *("Completada", "Reembolsado parcialmente", "Parcialmente reembolsado"),
        ),
        "V": (
            *("Refunded", "Reversed", "Returned", "Zurückgezahlt", "Rückerstattet", "Erstattet", "Zurückgebucht"),
            *("Remboursé", "Annulé par rétrofacturation", "Reembolsado", "Revertido", "Devuelto"),
        ),
        "P": (
            *("Pending", "Uncleared", "Held", "On Hold", "Under Review", "In Progress", "Processing", "Ausstehend"),
            *("Offen", "Einbehalten", "Wird geprüft", "In Bearbeitung", "En attente", "En cours", "Bloqué"),
            *("Pendiente", "En curso", "Retenido", "En revisión"),
        ),
        "D": (
            *("Denied", "Failed", "Canceled", "Cancelled", "Expired", "Voided", "Declined", "Rejected", "Abgelehnt"),
            *("Verweigert", "Fehlgeschlagen", "Storniert", "Abgebrochen", "Abgelaufen", "Refusé", "Échoué", "Annulé"),
            *("Expiré", "Denegado", "Rechazado", "Fallido", "Cancelado", "Caducado", "Vencido"),
        ),
    }
)  # fmt: skip

IMPACTS = _by_word(
    {
        "balance": ("Credit", "Debit", "Haben", "Soll", "Crédit", "Débit", "Abono", "Cargo", "Crédito", "Débito"),
        "memo": ("Memo", "Mémo", "Nota", "Apunte", "Memorando"),
    }
)
